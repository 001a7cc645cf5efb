//! Published posts: their ids on the platform and their addresses.

use database::{DeliveryId, Millis, Sql, StoreError, Tx, args, batch, sql};

/// A reference to a post that a platform published.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct PostRef {
    /// The platform's id of the post. Ids longer than 500 bytes or with control characters are not
    /// stored.
    pub id: Option<String>,
    /// The address of the post. It is stored only if it is an `http` or `https` address of at most
    /// 2,000 bytes.
    pub url: Option<String>,
}

const MAX_ID_BYTES: usize = 500;
const MAX_URL_BYTES: usize = 2_000;

#[derive(serde::Serialize)]
struct Input<'a> {
    id: DeliveryId,
    external_id: Option<&'a str>,
    url: Option<&'a str>,
}

/// Stores posts; the post of a later accepted try replaces the earlier one.
const UPSERT: Sql = sql!(
    "with " [batch 1 as input: id bigint, external_id text, url text]
    "insert into posts (delivery_id, external_id, url, created_at)
     select id, external_id, url, $2 from input where true order by id
     on conflict (delivery_id) do update set external_id = excluded.external_id, url = excluded.url,
       created_at = excluded.created_at"
);

/// Stores the known posts of deliveries; most deliveries have none.
pub(super) async fn upsert(
    tx: &mut Tx,
    mut posts: Vec<(DeliveryId, &PostRef)>,
    now: Millis,
) -> Result<(), StoreError> {
    posts.sort_unstable_by_key(|(id, _)| *id);
    let input: Vec<_> = posts.into_iter().filter_map(|(id, post)| Input::of(id, post)).collect();
    if !input.is_empty() {
        tx.execute(&UPSERT, args![batch(&input)?, now]).await?;
    }
    Ok(())
}

impl<'a> Input<'a> {
    fn of(id: DeliveryId, post: &'a PostRef) -> Option<Self> {
        let external_id = post.id.as_deref().filter(|id| is_valid_id(id));
        let url = post.url.as_deref().and_then(web_address);
        (external_id.is_some() || url.is_some()).then_some(Self { id, external_id, url })
    }
}

fn is_valid_id(id: &str) -> bool {
    (1..=MAX_ID_BYTES).contains(&id.len()) && !id.contains(char::is_control)
}

/// Returns the text if a page may show it as a link: an address that a platform returns may be any
/// text.
pub(super) fn web_address(text: &str) -> Option<&str> {
    let starts =
        |scheme: &str| text.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
    let plain = !text.contains(|c: char| c.is_control() || c.is_whitespace());
    (plain && text.len() <= MAX_URL_BYTES && (starts("https://") || starts("http://"))).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_of_the_web_is_a_link() {
        for link in ["https://social.example/@harbour/1", "HTTP://x.example"] {
            assert_eq!(web_address(link), Some(link));
        }
        let long = format!("https://x.example/{}", "a".repeat(MAX_URL_BYTES));
        for other in [
            "javascript:alert(1)",
            "data:text/html,x",
            "//x.example",
            "https",
            "",
            "http://x\n.example",
            &long,
        ] {
            assert_eq!(web_address(other), None, "{other}");
        }
    }
}
