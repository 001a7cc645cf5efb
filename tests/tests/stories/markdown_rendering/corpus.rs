//! Texts with characters that are markup in some Markdown dialect, and texts as marketers write
//! them.

use tests::Rng;

/// Texts that once became markup, or showed their escapes, in one of the renderers.
pub(super) const FIXED: [&str; 72] = [
    "CNY 98 for 250 g & a cup (new!) \"today\" #1 – it's 3 > 2 and 2 < 5",
    "SPRING_10* and *SPRING_10",
    "2^10 = 1024",
    "[x](https://alive.example) ~~no~~ # -",
    "![x](https://alive.example/a.png)",
    "<https://alive.example> <a@alive.example>",
    "<b>bold</b> <script>x</script> <!-- x --> <?x?> <br>",
    "<@123> <#4> <@&5> <:a:1> <t:1>",
    "AT&T; &amp; &lt;b&gt; &#42; &#x2A; &nbsp; &copy; &unknown;",
    "*a* **b** ***c*** _d_ __e__ ___f___ `g` ``h`` ~~i~~ ||j||",
    "a*b*c a_b_c a__b__c 2*3*4",
    "* a",
    "- a",
    "+ a",
    "-- a",
    "---",
    "***",
    "___",
    "===",
    "1. a",
    "1) a",
    "2027. A year",
    "99) a",
    "1.5 l",
    "# a",
    "#a",
    "###### a #",
    "a #",
    "a ##",
    "#",
    "> a",
    ">a",
    ">>> a",
    ">!a!<",
    "a >!b!< c",
    "-# a",
    "a\\b C:\\new\\_x \\\\server\\share \\* \\",
    "\\(x\\) \\[y\\] \\{z\\} \\# \\\" \\& \\é \\春",
    "| a | b |",
    "a | b",
    ":-: | :-:",
    "``` a ```",
    "~~~ a",
    "~~~~",
    "`",
    "a ` b",
    "a `` b ` c",
    "$5 or $10, 5$ and 6$!",
    "¯\\_(ツ)_/¯",
    "(c) (r) (tm) ... -- --- 'a' \"b\"",
    "a@b.example, www.b.example/a_b_c",
    "me (at) you [at] them {at} it",
    "[a]: https://alive.example",
    "[a][b] [c][] [d]",
    "[^1] [ ] [x]",
    "a]b[c](d)",
    "(https) (a)(b) ((c))",
    "100% *",
    "5 * 3 = 15 * 1",
    "* * *",
    "_ _ _",
    "- - -",
    "春季*优惠*：第一杯_咖啡_免费！（限~~今天~~）",
    "，*，_，~~，",
    "👍🏽*👩‍👩‍👧*_❤️_",
    "!",
    "!!! [!",
    "^ ^^ ^(a) a^b",
    "= a",
    "+1 and -1",
    "{ } {% x %} %%",
    "a; b: c, d. e? f!",
];

/// The parts of random texts.
const PARTS: [&str; 64] = [
    "*",
    "**",
    "_",
    "__",
    "`",
    "``",
    "~",
    "~~",
    "[",
    "]",
    "(",
    ")",
    "](",
    "<",
    ">",
    "!",
    "![",
    "#",
    "##",
    "\\",
    "&",
    "&amp;",
    "&#42;",
    "|",
    "||",
    "^",
    "-",
    "+",
    "=",
    "1.",
    "2)",
    ".",
    ":",
    ";",
    "\"",
    "'",
    "{",
    "}",
    "/",
    "%",
    "b",
    "x1",
    "Tea",
    "250 g",
    "98",
    "春",
    "茶，",
    "é",
    "👍🏽",
    "https",
    "one free month",
    "<b>",
    "</b>",
    "<!--",
    "-->",
    "<a",
    ">!",
    "!<",
    "\\*",
    "\\\\",
    "/>",
    "?",
    "§",
    "€",
];

const SEPARATORS: [&str; 5] = ["", "", "", " ", " "];

/// Returns the fixed texts and `count` random texts of a seed.
pub(super) fn texts(seed: u64, count: usize) -> Vec<String> {
    let mut rng = Rng::seeded(seed);
    let fixed = FIXED.iter().map(|text| (*text).to_owned());
    let random = (0..count).map(|_| {
        let parts = 1 + pick(&mut rng, 14);
        let text: String =
            (0..parts).map(|_| format!("{}{}", one(&mut rng, &PARTS), one(&mut rng, &SEPARATORS))).collect();
        text.trim().to_owned()
    });
    fixed.chain(random).filter(|text| !text.is_empty() && !text.contains("{{")).collect()
}

fn one<'a>(rng: &mut Rng, all: &[&'a str]) -> &'a str {
    all[pick(rng, all.len())]
}

fn pick(rng: &mut Rng, end: usize) -> usize {
    usize::try_from(rng.below(u64::try_from(end).unwrap())).unwrap()
}
