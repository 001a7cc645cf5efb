//! Texts of the preview of a campaign on all its channels, in English and Chinese.

use measure::Unit;

/// The languages of the preview page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageLanguage {
    English,
    Chinese,
}

/// The texts of the preview page in one language.
pub(crate) struct PreviewWords {
    /// The language of the texts, as a BCP 47 tag.
    pub(crate) tag: &'static str,
    pub(crate) lead: &'static str,
    pub(crate) contact: &'static str,
    pub(crate) language: &'static str,
    pub(crate) own_language: &'static str,
    pub(crate) show: &'static str,
    pub(crate) not_found: &'static str,
    pub(crate) made_up: &'static str,
    pub(crate) facts: &'static str,
    pub(crate) no_facts: &'static str,
    pub(crate) step: &'static str,
    pub(crate) said: &'static str,
    pub(crate) unsaid: &'static str,
    pub(crate) silenced: &'static str,
    pub(crate) channels: &'static str,
    pub(crate) feed: &'static str,
    pub(crate) mail: &'static str,
    pub(crate) frame: &'static str,
    pub(crate) picture: &'static str,
    pub(crate) no_alt: &'static str,
    pub(crate) limits: &'static str,
    pub(crate) request: &'static str,
    pub(crate) publishes: &'static str,
    pub(crate) prepares: &'static str,
    pub(crate) findings: &'static str,
    pub(crate) other: &'static str,
    pub(crate) other_name: &'static str,
    pub(crate) broken: &'static str,
}

const ENGLISH: PreviewWords = PreviewWords {
    tag: "en",
    lead: "Every channel side by side, exactly as it would go out now. Nothing is sent.",
    contact: "As this contact gets it",
    language: "In",
    own_language: "their own language",
    show: "Show",
    not_found: "No contact has this address; another member of the audience is shown.",
    made_up: "The audience has no members yet; a made-up contact is shown.",
    facts: "Which channel says which fact",
    no_facts: "The message has no facts: write [message.facts] in the campaign's file.",
    step: "Step",
    said: "said",
    unsaid: "not said",
    silenced: "silenced",
    channels: "As people will see it",
    feed: "its own feed",
    mail: "e-mail",
    frame: "The e-mail as it looks",
    picture: "Picture",
    no_alt: "no alternative text",
    limits: "Limits",
    request: "The exact request",
    publishes: "publishes",
    prepares: "prepares",
    findings: "What is wrong here",
    other: "中文",
    other_name: "zh",
    broken: "This step cannot be shown",
};

const CHINESE: PreviewWords = PreviewWords {
    tag: "zh-CN",
    lead: "各渠道并排显示，与现在发出时一模一样。这里不会发送任何内容。",
    contact: "以这位联系人的视角",
    language: "语言",
    own_language: "联系人自己的语言",
    show: "显示",
    not_found: "没有人使用这个地址；下面显示的是受众中的另一位。",
    made_up: "受众中还没有人；下面是虚构的一位。",
    facts: "哪个渠道说了哪条事实",
    no_facts: "这条消息没有事实：请在活动文件里写 [message.facts]。",
    step: "步骤",
    said: "已说明",
    unsaid: "未提及",
    silenced: "已豁免",
    channels: "大家看到的样子",
    feed: "渠道自己的动态",
    mail: "电子邮件",
    frame: "邮件的样子",
    picture: "图片",
    no_alt: "没有为看不见的人写说明",
    limits: "字数限制",
    request: "确切的请求",
    publishes: "发布",
    prepares: "准备",
    findings: "这里有问题",
    other: "English",
    other_name: "en",
    broken: "这一步无法显示",
};

impl PageLanguage {
    /// Returns the language of the `lang` parameter; otherwise the one that the browser prefers
    /// (RFC 9110 §12.5.4); otherwise English.
    pub(crate) fn negotiate(requested: Option<&str>, accepts: Option<&str>) -> Self {
        let known = |tag: &str| match tag.trim().get(..2)?.to_ascii_lowercase().as_str() {
            "zh" => Some(Self::Chinese),
            "en" => Some(Self::English),
            _ => None,
        };
        let preference = |part: &str| {
            let (tag, rest) = part.split_once(';').unwrap_or((part, ""));
            let weight = rest.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.trim().parse::<f32>().ok());
            Some((known(tag)?, weight.filter(|weight| *weight > 0.0)?))
        };
        let best = |(best, highest): (Self, f32), (page_language, weight): (Self, f32)| {
            if weight > highest { (page_language, weight) } else { (best, highest) }
        };
        let accepted = || accepts.unwrap_or_default().split(',').filter_map(preference);
        requested.and_then(known).unwrap_or_else(|| accepted().fold((Self::English, 0.0), best).0)
    }

    /// Returns the texts in this language.
    pub(crate) const fn words(self) -> &'static PreviewWords {
        match self {
            Self::English => &ENGLISH,
            Self::Chinese => &CHINESE,
        }
    }

    /// Returns the heading of the page.
    pub(crate) fn question(self, title: &str) -> String {
        match self {
            Self::English => format!("How does “{title}” look everywhere?"),
            Self::Chinese => format!("“{title}”在各处看起来怎么样？"),
        }
    }

    /// Returns the use of a limit: `text 2,140 of 3,000 characters`.
    pub(crate) fn used(self, what: &str, measured: &str, allowed: &str, unit: Unit) -> String {
        match self {
            Self::English => format!("{} {measured} of {allowed} {}", english(what), unit.words()),
            Self::Chinese => format!("{} {measured} / {allowed} {}", chinese(what), counted(unit)),
        }
    }

    /// Returns the text for a limit that is exceeded by `count`.
    pub(crate) fn over(self, count: &str) -> String {
        match self {
            Self::English => format!("{count} too many"),
            Self::Chinese => format!("超出 {count}"),
        }
    }

    /// Returns the text for a fact that is stated with another value.
    pub(crate) fn otherwise(self, words: &str) -> String {
        match self {
            Self::English => format!("says “{words}”"),
            Self::Chinese => format!("写成“{words}”"),
        }
    }

    /// Returns the note for a step that does not exist in the requested language.
    pub(crate) fn not_in(self, requested: &str, shown: &str) -> String {
        match self {
            Self::English => format!("There is no version in {requested}; shown in {shown}."),
            Self::Chinese => format!("没有 {requested} 版本；显示的是 {shown}。"),
        }
    }
}

fn english(what: &str) -> String {
    match what {
        "image_alt" => "words of the picture".to_owned(),
        other => other.replace('_', " "),
    }
}

fn chinese(what: &str) -> &str {
    match what {
        "text" | "commentary" => "正文",
        "message" => "整条消息",
        "title" => "标题",
        "caption" => "图片说明",
        "button" => "按钮",
        "image_alt" | "words of the picture" => "图片的文字说明",
        "address of the button" => "按钮的链接",
        "embed" => "整张卡片",
        "picture" => "图片文件",
        "link" => "链接",
        other => other,
    }
}

const fn counted(unit: Unit) -> &'static str {
    match unit {
        Unit::Characters => "个字符",
        Unit::Graphemes => "个字符（按字形）",
        Unit::Bytes => "字节",
        Unit::Weighted => "个字符（按 X 的算法）",
        Unit::Utf16 => "个字符（UTF-16）",
        Unit::Segments => "条",
        Unit::Blocks => "块",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_language_is_negotiated() {
        for (requested, accepts, page_language) in [
            (None, None, PageLanguage::English),
            (Some("zh"), None, PageLanguage::Chinese),
            (Some("zh-CN"), Some("en"), PageLanguage::Chinese),
            (Some("en"), Some("zh-CN"), PageLanguage::English),
            (Some("é"), Some("zh"), PageLanguage::Chinese),
            (None, Some("zh-CN,zh;q=0.9,en;q=0.8"), PageLanguage::Chinese),
            (None, Some("en-GB,zh;q=0.9"), PageLanguage::English),
            (None, Some("en;q=0.5, zh;q=0.9"), PageLanguage::Chinese),
            (None, Some("fr, zh;q=0"), PageLanguage::English),
            (None, Some(";;,q=,zh;q=x"), PageLanguage::English),
        ] {
            assert_eq!(
                PageLanguage::negotiate(requested, accepts),
                page_language,
                "{requested:?} {accepts:?}"
            );
        }
    }
}
