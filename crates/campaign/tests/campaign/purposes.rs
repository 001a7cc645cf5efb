//! Purposes: read, resolved for each campaign, and reported where they do not fit.

use campaign::OptIn;

use crate::folder::{CAMPAIGN, CHORUS, Folder};

/// A folder whose chorus.toml has no purposes, and whose campaign names none.
fn folder_without_purposes() -> Folder {
    let folder = Folder::new();
    let start = CHORUS.find("[purposes.news]").unwrap();
    let end = CHORUS.find("[channels.email]").unwrap();
    folder.write("chorus.toml", CHORUS[..start].to_owned() + &CHORUS[end..]);
    folder.write("campaigns/spring-renewal.toml", CAMPAIGN.replace("purpose   = \"news\"\n", ""));
    folder
}

const TWO: &str = "\n[purposes.news]\ntitle = \"News and offers\"\nopt_in = \"double\"\n\
                   [purposes.orders]\ntitle = \"About your orders\"\nmarketing = false\n";

/// Returns the purpose of the folder's campaign.
fn purpose(folder: &Folder) -> (String, bool, OptIn) {
    let (workspace, findings) = folder.load();
    let workspace = workspace.unwrap_or_else(|| panic!("{}", findings.to_text(false)));
    let purpose = workspace.campaigns.values().next().unwrap().purpose.clone();
    assert!(workspace.purposes.contains_key(&purpose.id));
    (purpose.id.as_str().to_owned(), purpose.is_marketing, purpose.opt_in)
}

#[test]
fn a_campaign_has_the_purpose_it_names_or_else_the_only_marketing_one() {
    let folder = folder_without_purposes();
    assert_eq!(purpose(&folder), ("news".to_owned(), true, OptIn::Single), "without [purposes]");
    folder.append("chorus.toml", TWO);
    assert_eq!(purpose(&folder), ("news".to_owned(), true, OptIn::Double));
    folder.write(
        "campaigns/spring-renewal.toml",
        format!("purpose = \"orders\"\n{}", CAMPAIGN.replace("purpose   = \"news\"\n", "")),
    );
    assert_eq!(purpose(&folder), ("orders".to_owned(), false, OptIn::Single));
}

findings_snapshot!(purposes_with_errors_are_reported, |folder| folder.append(
    "chorus.toml",
    "
[purposes.\"No name\"]
title = \"\"
opt_in = \"maybe\"
chanels = [\"email\"]
[purposes.a-name-of-more-than-thirty-two-letters]
title = \"Long\"
[purposes.bills]
marketing = false
opt_in = \"double\"
title = \"Bills\"
channels = [\"emial\"]
[purposes.empty]
title = \"Empty\"
channels = []
"
));

findings_snapshot!(a_campaign_has_to_name_one_of_several_purposes, |folder| folder
    .append("chorus.toml", "\n[purposes.events]\ntitle = \"Events\"\n")
    .edit("campaigns/spring-renewal.toml", "purpose   = \"news\"\n", ""));

findings_snapshot!(an_unknown_purpose_is_reported, |folder| folder.edit(
    "campaigns/spring-renewal.toml",
    "\"news\"",
    "\"ordres\""
));

findings_snapshot!(a_purpose_may_be_limited_to_channels, |folder| folder.edit(
    "chorus.toml",
    "[\"email\", \"relay\"]",
    "[\"email\"]"
));
