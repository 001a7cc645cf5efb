//! Keys for signatures, made by Node.js, and the two programs that read what was signed with them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tests::Tools;

/// A pair of keys, as JSON: see `keys.cjs`.
pub(crate) struct Keys(Value);

/// For each file the verdicts on its signatures, from the top.
pub(crate) type Verdicts = BTreeMap<String, Vec<bool>>;

fn beside(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories/signed").join(file)
}

impl Keys {
    pub(crate) fn make(tools: &Tools) -> Self {
        let output = Command::new(&tools.node).arg(beside("keys.cjs")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self(serde_json::from_slice(&output.stdout).unwrap())
    }

    /// One of them: `rsa_pkcs8`, `rsa_pkcs1`, `ed25519` are private, in PEM.
    pub(crate) fn pem(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap()
    }

    /// What stands in the DNS for the RSA key.
    pub(crate) fn rsa_record(&self) -> String {
        format!("v=DKIM1; k=rsa; p={}", self.pem("rsa_public"))
    }

    /// What stands in the DNS for the Ed25519 key.
    pub(crate) fn ed25519_record(&self) -> String {
        format!("v=DKIM1; k=ed25519; p={}", self.pem("ed25519_public"))
    }
}

/// Asks dkimpy and mailauth about every `.eml` in `folder`, at once. `domain` has the keys under `rsa` and `ed`.
pub(crate) fn verdicts(tools: &Tools, folder: &Path, domain: &str, keys: &Keys) -> [Verdicts; 2] {
    let zone = folder.join("zone.json");
    let records = json!({
        format!("rsa._domainkey.{domain}"): keys.rsa_record(),
        format!("ed._domainkey.{domain}"): keys.ed25519_record(),
    });
    std::fs::write(&zone, records.to_string()).unwrap();
    let mut python = Command::new(&tools.python3);
    python.env("PYTHONPATH", &tools.dkimpy).arg(beside("dkimpy.py"));
    let mut node = Command::new(&tools.node);
    node.arg(beside("mailauth.cjs")).arg(&tools.mailauth);
    let [python, node] = [python, node].map(|mut command| {
        command.arg(folder).arg(&zone).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    });
    [python, node].map(|child| {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        serde_json::from_slice(&output.stdout).unwrap()
    })
}
