//! The hash of a workspace: it changes with every edit that counts, and with no other.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::UNIX_EPOCH;

use crate::folder::{CAMPAIGN, Folder};

fn hash(folder: &Folder) -> String {
    folder.load().0.unwrap().hash
}

/// The folders have the same files, made in another order and at other times, beside other files
/// that are not read.
#[test]
fn the_same_files_have_the_same_hash() {
    let (one, other) = (Folder::new(), Folder::new());
    let names: Vec<_> = (0..200).map(|number| format!("campaigns/c{number}.toml")).collect();
    for name in &names {
        one.write(name, CAMPAIGN);
    }
    for name in names.iter().rev() {
        other.write(name, CAMPAIGN);
    }
    let file = fs::File::options().write(true).open(other.path().join("chorus.toml")).unwrap();
    file.set_modified(UNIX_EPOCH).unwrap();
    other.write("data/chorus.db", "rows").write("notes.txt", "not read").write("campaigns/.c0.toml.swp", "x");
    other.write("campaigns/c0.toml~", "x").secret("keys/unused.pem", "x");
    let expected = hash(&one);
    assert_eq!((expected.len(), hash(&one)), (64, expected.clone()));
    assert_eq!(hash(&other), expected);
}

#[test]
fn every_edit_makes_another_hash() {
    let folder = Folder::new();
    let mut seen = vec![hash(&folder)];
    let mut changed = |what: &str| {
        let now = hash(&folder);
        assert!(!seen.contains(&now), "{what}");
        seen.push(now);
    };
    folder.append("chorus.toml", "# a remark\n");
    changed("a byte of chorus.toml");
    folder.edit("campaigns/spring-renewal.toml", "400", "401");
    changed("a byte of a campaign");
    folder.write("campaigns/other.toml", CAMPAIGN);
    changed("a file more");
    fs::rename(folder.path().join("campaigns/other.toml"), folder.path().join("campaigns/another.toml"))
        .unwrap();
    changed("a file renamed");
    folder.edit("campaigns/another.toml", "channel ", "chanel ");
    changed("a campaign with errors");
    folder.edit("audiences/lapsing-members.toml", "gold", "bold");
    changed("an audience");
    folder.write("templates/newsletter/post.md", "{{message.headline}}");
    changed("a template");
    folder.write("templates/partials/deep/button.mjml", "<mj-button/>");
    changed("a partial");
    folder.write("campaigns/another.toml", b"title = \"\xff\"");
    changed("a file that is no text any more");
    folder.write("campaigns/another.toml", vec![b'#'; (1 << 20) + 1]);
    changed("a file that is too big");
    fs::remove_file(folder.path().join("campaigns/another.toml")).unwrap();
    changed("a file less");
    fs::remove_dir_all(folder.path().join("campaigns")).unwrap();
    changed("a folder less");
    std::os::unix::fs::symlink("/etc", folder.path().join("campaigns")).unwrap();
    changed("a folder that leads outside");
}

#[test]
fn neither_keys_nor_the_environment_count() {
    use crate::sample_key::rsa_pem;
    let folder = Folder::new();
    folder.secret("keys/dkim.pem", &rsa_pem(2048)).edit(
        "chorus.toml",
        "from = \"Harbour Coffee <news@harbour.example>\"\n",
        "from = \"Harbour Coffee <news@harbour.example>\"\ndkim = { selector = \"s\", key = \"keys/dkim.pem\" }\n",
    );
    let first = hash(&folder);
    folder.secret("keys/dkim.pem", &rsa_pem(3072));
    fs::set_permissions(folder.path().join("chorus.toml"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(hash(&folder), first);
    let with_nothing_set = campaign::Workspace::load(folder.path(), &|_| None).unwrap().0.hash;
    assert_eq!(with_nothing_set, first);
}
