//! The sample accounts: one per network, the same in every run.

use crate::kind::Kind;

/// The account keys of a channel in `chorus.toml`; `None` where the network has no such key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    /// The full URL at the vendor; `base_url` replaces its scheme, host and port.
    pub url: Option<&'static str>,
    /// The secret that signs requests.
    pub secret: Option<&'static str>,
    /// A bearer, bot or access token, or a password.
    pub token: Option<&'static str>,
    /// The author: a handle, SID, page, app or access key.
    pub account: Option<&'static str>,
    /// The destination: a chat, room, topic, subreddit or board.
    pub room: Option<&'static str>,
    /// The sender of a short message.
    pub from: Option<&'static str>,
    /// The id of an approved template.
    pub template_id: Option<&'static str>,
    /// The attribute of contacts that holds their address on the network.
    pub address: Option<&'static str>,
}

const NONE: Account = Account {
    url: None,
    secret: None,
    token: None,
    account: None,
    room: None,
    from: None,
    template_id: None,
    address: None,
};

/// Returns the account of a network.
pub fn account(kind: Kind) -> Account {
    match kind {
        Kind::Webhook => Account {
            url: Some("https://hooks.harbour.example/campaigns"),
            secret: Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            ..NONE
        },
        Kind::Slack => Account { url: Some("https://hooks.slack.com/services/T0001/B0001/secret"), ..NONE },
        Kind::Discord => Account {
            url: Some("https://discord.com/api/webhooks/1100000000000000001/harbour-coffee-webhook-token"),
            ..NONE
        },
        Kind::Mattermost => {
            Account { url: Some("https://chat.harbour.example/hooks/xen8harbour9coffee7hook1id"), ..NONE }
        }
        Kind::Wecom => Account {
            url: Some(
                "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa",
            ),
            ..NONE
        },
        Kind::Dingtalk => Account {
            url: Some("https://oapi.dingtalk.com/robot/send?access_token=d1a9harbour"),
            secret: Some("this is secret"),
            ..NONE
        },
        Kind::Feishu => Account {
            url: Some("https://open.feishu.cn/open-apis/bot/v2/hook/7d7eharbour"),
            secret: Some("this is secret"),
            ..NONE
        },
        Kind::Mastodon => Account { token: Some("mastodon-harbour-token"), ..NONE },
        Kind::Bluesky => {
            Account { account: Some("harbour.bsky.test"), token: Some("abcd-efgh-ijkl-mnop"), ..NONE }
        }
        Kind::Teams => Account {
            url: Some(
                "https://prod-01.westeurope.logic.azure.com:443/workflows/0a1b2c3d4e5f/triggers/manual/paths/invoke\
                 ?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=harbourSignature_-0123456789",
            ),
            ..NONE
        },
        _ => with_token(kind),
    }
}

/// Returns the account of a network whose account is not a URL.
fn with_token(kind: Kind) -> Account {
    match kind {
        Kind::Telegram => Account {
            token: Some("110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"),
            room: Some("-1001234567890"),
            ..NONE
        },
        Kind::Matrix => {
            Account { token: Some("syt_harbour_token"), room: Some("!launch:harbour.example"), ..NONE }
        }
        Kind::Ntfy => {
            Account { room: Some("harbour-launch"), token: Some("tk_harbourcoffee1234567890abcdef"), ..NONE }
        }
        Kind::Twilio => Account {
            account: Some("ACaaaabbbbccccddddeeeeffff00001111"),
            token: Some("twilio-auth-token"),
            from: Some("+15005550006"),
            ..NONE
        },
        Kind::AliyunSms => Account {
            account: Some("testid"),
            secret: Some("testsecret"),
            from: Some("港湾咖啡"),
            template_id: Some("SMS_154950909"),
            ..NONE
        },
        Kind::X => Account { token: Some("x-user-token"), ..NONE },
        Kind::Linkedin => {
            Account { token: Some("linkedin-token"), account: Some("urn:li:organization:5515715"), ..NONE }
        }
        Kind::Facebook => Account { token: Some("page-token"), account: Some("546349135390552"), ..NONE },
        Kind::Threads => Account { token: Some("threads-token"), account: Some("17841400000000001"), ..NONE },
        Kind::Reddit => Account {
            token: Some("reddit-token"),
            account: Some("harbour_coffee"),
            room: Some("harbourcoffee"),
            ..NONE
        },
        Kind::Pinterest => Account { token: Some("pinterest-token"), room: Some("549755885175"), ..NONE },
        Kind::Wechat => {
            Account { account: Some("wx0123456789abcdef"), secret: Some("wechat-app-secret"), ..NONE }
        }
        Kind::WechatTemplate => Account {
            account: Some("wx0123456789abcdef"),
            secret: Some("wechat-app-secret"),
            template_id: Some("ngqIpbwh8bUfcSsECmogfXcV14J0tQlEpBO27izEYtY"),
            address: Some("wechat_openid"),
            ..NONE
        },
        Kind::Weibo => Account { token: Some("2.00weibo-token"), ..NONE },
        Kind::Douyin => Account {
            token: Some("act.douyin-token"),
            account: Some("ba253642-0590-40bc-9bdf-9a1334b94059"),
            ..NONE
        },
        _ => NONE,
    }
}

impl Account {
    /// Returns the keys that are set, in the order of `chorus.toml`: key, value, and true for a
    /// secret.
    pub fn keys(&self) -> Vec<(&'static str, &'static str, bool)> {
        let all = [
            ("url", self.url, true),
            ("secret", self.secret, true),
            ("token", self.token, true),
            ("account", self.account, false),
            ("room", self.room, false),
            ("from", self.from, false),
            ("template_id", self.template_id, false),
            ("address", self.address, false),
        ];
        all.into_iter().filter_map(|(key, value, hidden)| Some((key, value?, hidden))).collect()
    }
}

/// Returns a key of an account, or a value that no request can contain.
pub fn required(value: Option<&'static str>) -> &'static str {
    value.unwrap_or("\0")
}
