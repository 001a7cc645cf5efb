//! `chorus runs settle`: a manual decision about uncertain deliveries.

use clap::{ArgGroup, Args};
use store::{ContactId, Settlement};

use super::change::{get, report_change};
use crate::setup::{App, Env};
use terminal::arguments;
use terminal::output::{counted, user_error};

/// Options of `chorus runs settle`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["went_out", "send_again"])))]
pub(super) struct Options {
    /// The number of the run.
    #[arg(value_parser = arguments::run_number, allow_negative_numbers = true)]
    run: i64,
    /// Count the deliveries as sent, because they arrived.
    #[arg(long)]
    went_out: bool,
    /// Send the deliveries again, because they did not arrive or a duplicate does no harm.
    #[arg(long)]
    send_again: bool,
    /// Settle only the delivery to this e-mail address, phone number or external id. Default: all
    /// uncertain deliveries.
    #[arg(long, value_name = "ADDRESS")]
    contact: Option<String>,
}

/// Settles the uncertain deliveries and prints their number.
pub(super) async fn settle(env: &Env, app: &App, options: &Options) -> anyhow::Result<()> {
    let run = get(app, options.run).await?;
    let contact = match &options.contact {
        Some(address) => Some(contact(app, address).await?),
        None => None,
    };
    let settlement = if options.went_out { Settlement::Sent } else { Settlement::Resend };
    let count = app.store.delivery_settle(run.id, contact, settlement, app.clock.millis()).await?;
    let what = match settlement {
        Settlement::Sent => format!("settled: {} went out", deliveries(count)),
        Settlement::Resend => format!("settled: {} will be sent again", deliveries(count)),
    };
    let why_not = match contact {
        Some(_) => "nothing to this contact is uncertain in it",
        None => "nothing is uncertain in it",
    };
    report_change(env, app, &run, count > 0, &what, why_not).await
}

async fn contact(app: &App, address: &str) -> anyhow::Result<ContactId> {
    let found = app.store.contact_find(address).await?;
    Ok(found.ok_or_else(|| user_error(format!("no contact has the address {address:?}")))?.id)
}

fn deliveries(count: i64) -> String {
    counted(count, "delivery", "deliveries")
}
