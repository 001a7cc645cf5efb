//! Tests of the values found in texts: each row is a text and its values in a short form.

use crate::{StatedCurrency, Value, values};

/// Returns the values of a text in a short form: `CNY 98`, `20% off`, `2027-04-30`, `--04-30`,
/// `10:00` (`10:00?` if the half of the day is unknown), `250 g`, `3 pieces`.
fn read(text: &str) -> String {
    values(text).iter().map(|found| short(&found.value)).collect::<Vec<_>>().join(", ")
}

fn short(value: &Value) -> String {
    let amount = |micros: i64| format!("{}", micros as f64 / 1e6);
    match value {
        Value::Money { micros, currency } => {
            let currency = match currency {
                StatedCurrency::Code(code) => std::str::from_utf8(code).unwrap(),
                StatedCurrency::YuanOrYen => "¥",
                StatedCurrency::Yuan => "元",
                StatedCurrency::Dollar => "$",
            };
            format!("{currency} {}", amount(*micros))
        }
        Value::Percent { micros, off } => format!("{}%{}", amount(*micros), if *off { " off" } else { "" }),
        Value::Date { year, month, day } => {
            let year = year.map_or_else(|| "-".to_owned(), |year| year.to_string());
            format!("{year}-{month:02}-{day:02}")
        }
        Value::Time { hour, minute, exact } => {
            format!("{hour}:{minute:02}{}", if *exact { "" } else { "?" })
        }
        Value::Quantity { micros, unit } => format!("{} {unit}", amount(*micros)),
    }
}

/// Fails with all rows whose values differ.
fn check_rows(rows: &[(&str, &str)]) {
    let wrong = rows.iter().filter(|(text, expected)| read(text) != *expected);
    let wrong: Vec<_> =
        wrong.map(|(text, expected)| format!("{text}: {expected}, not {}", read(text))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn money_is_read_in_every_way_it_is_written() {
    check_rows(&[
        ("¥199", "¥ 199"),
        ("￥199", "¥ 199"),
        ("¥ 199", "¥ 199"),
        ("￥１９９．００", "¥ 199"),
        ("¥1,299.00", "¥ 1299"),
        ("¥1299", "¥ 1299"),
        ("¥0.99", "¥ 0.99"),
        ("¥1.5万", "¥ 15000"),
        ("¥199元", "¥ 199"),
        ("¥199 each", "¥ 199"),
        ("only ¥199!", "¥ 199"),
        ("¥199.", "¥ 199"),
        ("¥199,", "¥ 199"),
        ("¥199, ¥299 and ¥399", "¥ 199, ¥ 299, ¥ 399"),
        ("¥199-299", "¥ 199, ¥ 299"),
        ("¥199–¥299", "¥ 199, ¥ 299"),
        ("199¥", "¥ 199"),
        ("199 yuan", "CNY 199"),
        ("199 Yuan", "CNY 199"),
        ("199yuan", "CNY 199"),
        ("199元", "元 199"),
        ("199 元", "元 199"),
        ("１９９元", "元 199"),
        ("199.5元", "元 199.5"),
        ("199.50 元", "元 199.5"),
        ("1,299元", "元 1299"),
        ("1.5万元", "元 15000"),
        ("1.5 万元", "元 15000"),
        ("2亿元", "元 200000000"),
        ("三十元", "元 30"),
        ("一百二十元", "元 120"),
        ("两百元", "元 200"),
        ("九十八元", "元 98"),
        ("九十八塊錢", "CNY 98"),
        ("199 块", "CNY 199"),
        ("199块", "CNY 199"),
        ("199块钱", "CNY 199"),
        ("三块蛋糕", "3 pieces"),
        ("3块蛋糕", "3 pieces"),
        ("199-299元", "元 199, 元 299"),
        ("199至299元", "元 199, 元 299"),
    ]);
}

#[test]
fn money_is_read_with_its_currency() {
    check_rows(&[
        ("RMB 199", "CNY 199"),
        ("RMB199", "CNY 199"),
        ("rmb 199", "CNY 199"),
        ("RMB ¥199", "CNY 199"),
        ("RMB: 199", "CNY 199"),
        ("199 RMB", "CNY 199"),
        ("CNY 98", "CNY 98"),
        ("CNY98", "CNY 98"),
        ("98 CNY", "CNY 98"),
        ("CNY 98.00", "CNY 98"),
        ("CN¥199", "CNY 199"),
        ("人民币199元", "CNY 199"),
        ("199元人民币", "CNY 199"),
        ("$1,299.00", "$ 1299"),
        ("$1,299", "$ 1299"),
        ("$12", "$ 12"),
        ("US$12", "USD 12"),
        ("USD 12", "USD 12"),
        ("12 USD", "USD 12"),
        ("12 dollars", "$ 12"),
        ("five dollars", "$ 5"),
        ("one ¥5 note", "1 pieces, ¥ 5"),
        ("$5k", "$ 5000"),
        ("$1.2m", "$ 1200000"),
        ("$1.5 million", "$ 1500000"),
        ("HK$88", "HKD 88"),
        ("HKD 88", "HKD 88"),
        ("88港元", "HKD 88"),
        ("港币88", "HKD 88"),
        ("NT$300", "TWD 300"),
        ("新台币300元", "TWD 300"),
        ("S$20", "SGD 20"),
        ("A$20", "AUD 20"),
        ("€12", "EUR 12"),
        ("€ 12", "EUR 12"),
        ("12 €", "EUR 12"),
        ("12€", "EUR 12"),
        ("12,50 €", "EUR 12.5"),
        ("€1.299,00", "EUR 1299"),
        ("1.299,00 €", "EUR 1299"),
        ("12 euros", "EUR 12"),
        ("12欧元", "EUR 12"),
        ("£9.99", "GBP 9.99"),
        ("￡9.99", "GBP 9.99"),
        ("12 GBP", "GBP 12"),
        ("1500円", "JPY 1500"),
        ("1500 yen", "JPY 1500"),
        ("1500日元", "JPY 1500"),
        ("100美元", "USD 100"),
        ("No. 7\nCNY 88 for 250 g", "7 pieces, CNY 88, 250 g"),
        ("98 CNY 250 g", "CNY 98, 250 g"),
        ("CHF 10", "CHF 10"),
        ("₹500", "INR 500"),
        ("**¥199**", "¥ 199"),
        ("原价299元，现价199元", "元 299, 元 199"),
        ("250 克 98 元", "250 g, 元 98"),
        ("CNY 98 for 250 g", "CNY 98, 250 g"),
    ]);
}

#[test]
fn what_only_looks_like_money_is_not_read() {
    check_rows(&[
        ("2027元旦快乐", "2027 pieces"),
        ("¥", ""),
        ("$ {{x}}", ""),
        ("元气满满", ""),
        ("千元好礼，几百元起", ""),
        ("RMB", ""),
        ("三元里", ""),
        ("¥99999999999999999999999", ""),
        ("99999999999999999999999999元", ""),
        ("999999999999亿元", ""),
        ("v1.2.3元", ""),
        ("1.2.3", ""),
        ("+86 21 5555 0000", "86 pieces, 21 pieces, 5555 pieces"),
        ("13800138000", "13800138000 pieces"),
        ("400-820-8820", "400 pieces, 820 pieces, 8820 pieces"),
        ("© 2027 Harbour Coffee", "2027 pieces"),
        ("1 Pier Road, Shanghai 200000", "1 pieces, 200000 pieces"),
    ]);
    assert_eq!(read("https://harbour.example/sale-199-usd?price=%C2%A5199&d=2027-04-30"), "");
    assert_eq!(read("http://a.example/20%off, then 30%"), "30%");
    assert_eq!(read("harbour.example/30-april-2027 now"), "");
    assert_eq!(read("write to a199@b.example or sales-20@harbour.example"), "");
}

#[test]
fn percentages_are_read_in_every_way_they_are_written() {
    check_rows(&[
        ("20%", "20%"),
        ("20 %", "20%"),
        ("２０％", "20%"),
        ("20.5%", "20.5%"),
        ("20 percent", "20%"),
        ("20 per cent", "20%"),
        ("twenty percent", "20%"),
        ("twenty-five per cent", "25%"),
        ("20 pct", "20%"),
        ("20% off", "20% off"),
        ("20 % off everything", "20% off"),
        ("20% discount", "20% off"),
        ("save 20%", "20% off"),
        ("Save up to 20%", "20% off"),
        ("-20%", "20% off"),
        ("10-20%", "10%, 20%"),
        ("20 % lower prices", "20% off"),
        ("立减20%", "20% off"),
        ("优惠20%", "20% off"),
        ("百分之二十", "20%"),
        ("百分之20", "20%"),
        ("立减百分之二十", "20% off"),
        ("八折", "20% off"),
        ("8折", "20% off"),
        ("8 折", "20% off"),
        ("打八折", "20% off"),
        ("8.5折", "15% off"),
        ("85折", "15% off"),
        ("八五折", "15% off"),
        ("九八折", "2% off"),
        ("五折", "50% off"),
        ("半价", "50% off"),
        ("半價", "50% off"),
        ("对折", "50% off"),
        ("half price", "50% off"),
        ("half-price", "50% off"),
        ("100% arabica", "100%"),
        ("70% cocoa", "70%"),
        ("折叠 3 折叠", "3 pieces"),
        ("20-30%", "20%, 30%"),
        ("20%-30% off", "20% off, 30% off"),
        ("50% to 70% off", "50% off, 70% off"),
    ]);
}

#[test]
fn days_are_read_in_every_way_they_are_written() {
    check_rows(&[
        ("30 April 2027", "2027-04-30"),
        ("30th April 2027", "2027-04-30"),
        ("the 30th of April 2027", "2027-04-30"),
        ("30 Apr 2027", "2027-04-30"),
        ("30 Apr. 2027", "2027-04-30"),
        ("30-Apr-2027", "2027-04-30"),
        ("30 april, 2027", "2027-04-30"),
        ("April 30, 2027", "2027-04-30"),
        ("April 30 2027", "2027-04-30"),
        ("April 30th, 2027", "2027-04-30"),
        ("Apr 30, 2027", "2027-04-30"),
        ("APRIL 30", "--04-30"),
        ("Apr 30", "--04-30"),
        ("Apr. 30", "--04-30"),
        ("30 April", "--04-30"),
        ("11 April", "--04-11"),
        ("until 30 April.", "--04-30"),
        ("31 April", "--04-31"),
        ("2027-04-30", "2027-04-30"),
        ("2027/4/30", "2027-04-30"),
        ("2027.04.30", "2027-04-30"),
        ("２０２７－０４－３０", "2027-04-30"),
        ("30/04/2027", "2027-04-30"),
        ("04/30/2027", "2027-04-30"),
        ("30.04.2027", "2027-04-30"),
        ("03/04/2027", ""),
        ("11.04.2027", "2027-04-11"),
        ("04/04/2027", "2027-04-04"),
        ("2027年4月30日", "2027-04-30"),
        ("2027 年 4 月 30 日", "2027-04-30"),
        ("２０２７年４月３０日", "2027-04-30"),
        ("2027年4月30号", "2027-04-30"),
        ("4月30日", "--04-30"),
        ("4 月 30 日", "--04-30"),
        ("四月三十日", "--04-30"),
        ("二〇二七年四月三十日", "2027-04-30"),
        ("十二月二十五日", "--12-25"),
        ("11-14 April", "--04-11, --04-14"),
        ("11–14 April 2027", "2027-04-11, 2027-04-14"),
        ("11 to 14 April", "--04-11, --04-14"),
        ("April 11–14, 2027", "2027-04-11, 2027-04-14"),
        ("4月11日至14日", "--04-11, --04-14"),
        ("4月11-14日", "--04-11, --04-14"),
        ("4月11日-4月14日", "--04-11, --04-14"),
        ("2027年4月11日至14日", "2027-04-11, 2027-04-14"),
        ("Sunday 11 April", "--04-11"),
        ("4月11日（周日）", "--04-11"),
        ("1 May and 2 May", "--05-01, --05-02"),
        ("May 1 and 2 June", "--05-01, --06-02"),
        ("2027-04-30T10:00", "2027-04-30"),
        ("April 2027", ""),
        ("2027年4月", ""),
        ("2027年", ""),
        ("12月", ""),
        ("you may 10 times", "10 pieces"),
        ("march 3 steps", "3 pieces"),
        ("2027-13-40", "2027 pieces, 13 pieces, 40 pieces"),
        ("30 April 2027 and 1 May 2027", "2027-04-30, 2027-05-01"),
    ]);
}

#[test]
fn times_are_read_in_every_way_they_are_written() {
    check_rows(&[
        ("10:00", "10:00?"),
        ("14:30", "14:30"),
        ("10:00 am", "10:00"),
        ("10 am", "10:00"),
        ("10am", "10:00"),
        ("10 a.m.", "10:00"),
        ("10 PM", "22:00"),
        ("12 pm", "12:00"),
        ("12 am", "0:00"),
        ("7 o'clock", "7:00?"),
        ("10点", "10:00?"),
        ("上午10点", "10:00"),
        ("上午十点", "10:00"),
        ("下午3点", "15:00"),
        ("下午三点半", "15:30"),
        ("晚上8点30分", "20:30"),
        ("早上七点", "7:00"),
        ("下午3:30", "15:30"),
        ("中午12点", "12:00"),
        ("九点开门", "9:00?"),
        ("3点建议", "3 pieces"),
        ("每只都有一点不一样", ""),
        ("下午一点", "13:00"),
        ("1:100", "1 pieces, 100 pieces"),
    ]);
}

#[test]
fn quantities_are_read_with_their_units() {
    check_rows(&[
        ("250 g", "250 g"),
        ("250g", "250 g"),
        ("250 grams", "250 g"),
        ("250 克", "250 g"),
        ("0.25 kg", "250 g"),
        ("一公斤", "1000 g"),
        ("半斤", ""),
        ("两斤", "1000 g"),
        ("500 ml", "500 ml"),
        ("0.5 l", "500 ml"),
        ("2升", "2000 ml"),
        ("92 °C", "92 degrees"),
        ("92℃", "92 degrees"),
        ("92度", "92 degrees"),
        ("14 days", "14 days"),
        ("14-day trial", "14 days"),
        ("14天", "14 days"),
        ("两周", "14 days"),
        ("two weeks", "14 days"),
        ("一个月", "1 months"),
        ("1 month", "1 months"),
        ("12个月", "12 months"),
        ("one year", "12 months"),
        ("10周年", "120 months"),
        ("three minutes", "180 seconds"),
        ("3 min", "180 seconds"),
        ("三分钟", "180 seconds"),
        ("24 hours", "86400 seconds"),
        ("24h", "86400 seconds"),
        ("24小时", "86400 seconds"),
        ("600 只", "600 pieces"),
        ("600", "600 pieces"),
        ("600 of them", "600 pieces"),
        ("一只玉兰杯", "1 pieces"),
        ("第二杯", "2 pieces"),
        ("one free month", "1 pieces"),
        ("two free months", "2 pieces"),
        ("two for one", "2 pieces, 1 pieces"),
        ("twenty-one cups", "21 pieces"),
        ("十二杯", "12 pieces"),
        ("No. 7", "7 pieces"),
        ("7 号", "7 pieces"),
        ("someone alone", ""),
        ("一定，三明治，万一", ""),
        ("iphone15 a4 h2o", ""),
        ("2nd 3d", ""),
        ("007", ""),
        ("1,000 cups", "1000 pieces"),
    ]);
}
