//! The word that a robot looks for: told by a check, and looked for before a post goes.

use std::sync::atomic::Ordering;

use campaign::{Account, ChannelKind, Network, Per, Secret};
use channel::{SendOutcome, Sender};
use source::Diagnostic;

use crate::house::House;
use crate::redirects::{now, post, server};
use crate::smtp::{channel, hasty};

fn findings(kind: &str, keyword: &str) -> Vec<Diagnostic> {
    let house = House::new();
    house.chorus(&format!(
        "\n[channels.robot]\nkind = \"{kind}\"\nurl = \"https://robot.example/hook/1\"\nkeyword = \"{keyword}\"\n"
    ));
    house.campaign("channel = \"feed\"", "channel = \"robot\"");
    let workspace = house.load();
    let campaign = workspace.campaigns.values().next().unwrap();
    let findings = channel::survey(&workspace, campaign, None).findings;
    findings.into_iter().filter(|finding| finding.code == "keyword-missing").collect()
}

#[test]
fn a_check_tells_what_the_finished_post_does_not_say() {
    for kind in ["dingtalk", "feishu"] {
        // In the title, in the text, in a fact, on the button.
        for said in ["Half price", "Until", "30 April", "Go"] {
            assert_eq!(findings(kind, said), [], "{kind} {said}");
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
async fn a_post_without_it_does_not_go_and_is_not_lost() {
    for kind in ["dingtalk", "feishu"] {
        let network = Network::find(kind).unwrap();
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 22\r\n\r\n{\"errcode\":0,\"code\":0}";
        let (base, asked) = server(answer.to_owned()).await;
        let send = async |keyword: &str| {
            let account = Account {
                base_url: Some(base.parse().unwrap()),
                url: Some(Secret::new("https://robot.example/hook/1")),
                keyword: Some(keyword.to_owned()),
                ..Account::new(network, Per::Feed)
            };
            let channel = channel(ChannelKind::Network(Box::new(account)));
            let sender = Sender::with(&channel, Vec::new(), hasty()).unwrap();
            sender.session().send(&post(network), now()).await
        };
        let SendOutcome::Barred { answer } = send("Tea").await else { panic!("{kind}") };
        assert!(answer.contains("\"Tea\"") && answer.contains("`keyword`"), "{answer}");
        assert_eq!(asked.load(Ordering::SeqCst), 0, "{kind}");
        assert!(matches!(send("Spring").await, SendOutcome::Accepted { .. }), "{kind}");
    }
}
