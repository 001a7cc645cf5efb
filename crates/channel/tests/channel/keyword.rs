//! Tests of the keyword that a robot requires: the check of a campaign, and the check before a post
//! is sent.

use std::sync::atomic::Ordering;

use campaign::{Account, ChannelKind, Network, Per, Secret};
use channel::{SendOutcome, Sender};
use source::Diagnostic;

use crate::redirects::{counting_server, now, post};
use crate::sample_workspace::SampleWorkspace;
use crate::smtp::{channel, short_timeouts};

fn findings(kind: &str, keyword: &str) -> Vec<Diagnostic> {
    let sample = SampleWorkspace::new();
    sample.append_settings(&format!(
        "\n[channels.robot]\nkind = \"{kind}\"\nurl = \"https://robot.example/hook/1\"\nkeyword = \"{keyword}\"\n"
    ));
    sample.edit_campaign("channel = \"feed\"", "channel = \"robot\"");
    let workspace = sample.load();
    let campaign = workspace.campaigns.values().next().unwrap();
    let findings = channel::survey(&workspace, campaign, None).findings;
    findings.into_iter().filter(|finding| finding.code == "keyword-missing").collect()
}

#[test]
fn a_rendered_post_without_the_keyword_is_reported() {
    for kind in ["dingtalk", "feishu"] {
        // In the title, in the text, in a fact, on the button.
        for keyword in ["Half price", "Until", "30 April", "Go"] {
            assert_eq!(findings(kind, keyword), [], "{kind} {keyword}");
        }
        let found = findings(kind, "Tea");
        assert_eq!(found.len(), 1, "{found:?}");
        let message = &found[0].message;
        assert!(message.contains("`post` (robot, en)") && message.contains("\"Tea\""), "{message}");
        assert_eq!(found[0].file.to_str(), Some("campaigns/spring.toml"));
        assert!(found[0].span.is_some(), "{found:?}");
        assert!(found[0].help.as_ref().unwrap().contains("[channels.robot]"), "{found:?}");
    }
}

#[tokio::test]
async fn a_post_without_the_keyword_blocks_the_channel_and_is_not_sent() {
    for kind in ["dingtalk", "feishu"] {
        let network = Network::find(kind).unwrap();
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 22\r\n\r\n{\"errcode\":0,\"code\":0}";
        let (base, requests) = counting_server(answer.to_owned()).await;
        let send = async |keyword: &str| {
            let account = Account {
                base_url: Some(base.parse().unwrap()),
                url: Some(Secret::new("https://robot.example/hook/1")),
                keyword: Some(keyword.to_owned()),
                ..Account::new(network, Per::Feed)
            };
            let channel = channel(ChannelKind::Network(Box::new(account)));
            let sender = Sender::with_roots(&channel, Vec::new(), short_timeouts()).unwrap();
            sender.session().send(&post(network), now()).await
        };
        let SendOutcome::ChannelBlocked { answer } = send("Tea").await else { panic!("{kind}") };
        assert!(answer.contains("\"Tea\"") && answer.contains("`keyword`"), "{answer}");
        assert_eq!(requests.load(Ordering::SeqCst), 0, "{kind}");
        assert!(matches!(send("Spring").await, SendOutcome::Accepted { .. }), "{kind}");
    }
}
