//! `chorus runs settle`: what a person says of deliveries that nobody knows the end of.

use clap::{ArgGroup, Args};
use store::{ContactId, Settlement};

use super::change::{changed, get};
use crate::output::{number, wrong};
use crate::setup::{Env, Opened};

/// Which run, which deliveries, what.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["went_out", "send_again"])))]
pub(super) struct Options {
    run: i64,
    /// They arrived: they count as sent.
    #[arg(long)]
    went_out: bool,
    /// They did not, or twice does no harm: they are sent once more.
    #[arg(long)]
    send_again: bool,
    /// Only the one to this e-mail address, phone number or external id; else all that are uncertain.
    #[arg(long, value_name = "ADDRESS")]
    contact: Option<String>,
}

/// Settles them and says how many there were.
pub(super) async fn settle(env: &Env, opened: &Opened, options: &Options) -> anyhow::Result<()> {
    let run = get(opened, options.run).await?;
    let contact = match &options.contact {
        Some(address) => Some(contact(opened, address).await?),
        None => None,
    };
    let settlement = if options.went_out { Settlement::WentOut } else { Settlement::SendAgain };
    let count = opened.store.delivery_settle(run.id, contact, settlement, opened.clock.millis()).await?;
    let what = match settlement {
        Settlement::WentOut => format!("settled: {} went out", deliveries(count)),
        Settlement::SendAgain => format!("settled: {} will be sent again", deliveries(count)),
    };
    let why_not = match contact {
        Some(_) => "nothing to this contact is uncertain in it",
        None => "nothing is uncertain in it",
    };
    changed(env, opened, &run, count > 0, &what, why_not).await
}

async fn contact(opened: &Opened, address: &str) -> anyhow::Result<ContactId> {
    let found = opened.store.contact_find(address).await?;
    Ok(found.ok_or_else(|| wrong(format!("nobody has the address {address:?}")))?.id)
}

fn deliveries(count: i64) -> String {
    if count == 1 { "1 delivery".to_owned() } else { format!("{} deliveries", number(count)) }
}
