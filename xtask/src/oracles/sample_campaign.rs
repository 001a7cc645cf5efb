//! The campaign of the trial: characters of several bytes, an emoji of many code points before a
//! link, and a link in the middle of Chinese text.

/// The headline of its posts.
pub(super) const HEADLINE: &str = "春潮来了 👨‍👩‍👧‍👦";
/// The label of the link in the text.
pub(super) const LABEL: &str = "茶馆 ☕";
/// The target of the link in the text.
pub(super) const SHOP: &str = "https://harbour.example/shop";
/// The label of the button.
pub(super) const ACTION: &str = "去选一包";
/// The price, a fact that every post must contain.
pub(super) const PRICE: &str = "98 元";
/// The alternative text of the picture.
pub(super) const ALT: &str = "玉兰花下，一只白瓷杯 & a bag";

/// Returns `campaigns/tide.toml`: a step without a picture, one with a picture, and one that asks a
/// person when its outcome is uncertain.
pub(super) fn campaign() -> String {
    format!(
        r#"
title     = "Spring Tide"
objective = "300 bags"
audience  = "everyone"

[message]
subject        = "【广告】春潮"
headline       = "{HEADLINE}"
body           = "买一包 {{{{facts.price}}}}，来 [{LABEL}]({SHOP}) 坐坐 <&> 😀。"
call_to_action = "{ACTION}"
link           = "https://harbour.example/spring"

[message.facts]
price = "{PRICE}"

[goal]
event  = "purchase"
window = "7d"

[[steps]]
id       = "text"
channel  = "place"
template = "note"
when     = {{ at = 2035-03-02T10:00:00 }}

[[steps]]
id       = "picture"
channel  = "place"
template = "note"
when     = {{ at = 2035-03-02T11:00:00 }}
message  = {{ image = "images/spring.png", image_alt = "{ALT}" }}

[[steps]]
id           = "asked"
channel      = "place"
template     = "note"
when         = {{ at = 2035-03-02T12:00:00 }}
message      = {{ image = "images/spring.png", image_alt = "{ALT}" }}
on_uncertain = "hold"
"#
    )
}

/// The content of `templates/note/post.md`.
pub(super) const TEMPLATE: &str =
    "# {{message.headline}}\n\n{{message.body}}\n\n[{{message.call_to_action}}]({{message.link}})\n";

/// Returns `chorus.toml` with the only channel; `base` is the port of the proxy.
pub(super) fn configuration(listen: u16, base: u16, channel: &str) -> String {
    format!(
        r#"
[brand]
name     = "Harbour Coffee"
url      = "https://harbour.example"
address  = "1 Pier Road, Shanghai"
timezone = "UTC"
language = "zh-CN"

[database]
url = "sqlite:data/chorus.db"

[server]
listen     = "127.0.0.1:{listen}"
public_url = "http://127.0.0.1:{listen}"

[channels.place]
base_url = "http://127.0.0.1:{base}"
{channel}"#
    )
}
