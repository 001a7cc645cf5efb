//! The picture of a post for networks that require an upload; a picture given by URL is
//! fetched first.

use std::borrow::Cow;

use egress::{Part, Request, Response};
use message::{Parts, Picture, PictureFile, PictureSource};

use crate::protocol::{ComposeError, PriorAnswers};
use crate::verdict::Verdict;

/// The name of the request that fetches a picture.
pub(crate) const FETCH: &str = "picture";

/// The state of a post's picture before its upload.
#[derive(Debug)]
pub(crate) enum Upload<'a> {
    /// The post has no picture.
    None,
    /// The picture must be fetched first, by this request.
    Fetch(Request),
    /// The picture file, with its alternative text.
    File(Cow<'a, PictureFile>, &'a str),
}

impl<'a> Upload<'a> {
    /// Returns the state of the picture of `parts`.
    ///
    /// # Errors
    /// The picture's URL is invalid or not public.
    pub(crate) fn of(parts: &'a Parts, prior: &PriorAnswers) -> Result<Self, ComposeError> {
        let Some(Picture { source, alt }) = &parts.picture else { return Ok(Self::None) };
        match (source, prior.get(FETCH)) {
            (PictureSource::File(file), _) => Ok(Self::File(Cow::Borrowed(file), alt)),
            (PictureSource::Url(url), Some(answer)) => {
                Ok(Self::File(Cow::Owned(file_from_answer(url, answer)), alt))
            }
            (PictureSource::Url(url), None) => {
                let parsed = url::Url::parse(url).map_err(|_| "the address of its picture is not a URL")?;
                egress::check_public_url(&parsed)
                    .map_err(|blocked| format!("its picture cannot be fetched: {blocked}"))?;
                Ok(Self::Fetch(Request::get(FETCH, url)))
            }
        }
    }
}

/// Returns the meaning of the answer to [`FETCH`]. Nothing is published yet, so no answer blocks
/// the channel.
pub(crate) fn verdict(answer: &Response) -> Verdict {
    let is_picture = answer.header("content-type").is_some_and(|media| media.starts_with("image/"));
    match answer.status {
        200 if is_picture && !answer.truncated && !answer.body.is_empty() => Verdict::Ready,
        // Larger than 1 MiB, or broken off: a later attempt may succeed.
        200 if is_picture => Verdict::Retryable,
        408 | 425 | 429 | 500..=599 => Verdict::Retryable,
        _ => Verdict::rejected(),
    }
}

fn file_from_answer(url: &str, answer: &Response) -> PictureFile {
    let media = answer.header("content-type").unwrap_or("image/png");
    let media = media.split(';').next().unwrap_or_default().trim().to_owned();
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("picture").to_owned();
    PictureFile { name, media, bytes: answer.body.clone() }
}

/// Returns the file field of a multipart form.
pub(crate) fn part(name: &'static str, file: &PictureFile) -> Part {
    Part::file(name, &file.name, &file.media, &file.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{answer, post, post_with_file, prior};

    #[test]
    fn a_file_is_used_and_a_url_is_fetched() {
        let (file, url) = (post_with_file(), post());
        let given = Upload::of(file.parts().unwrap(), &prior(&[])).unwrap();
        assert!(matches!(given, Upload::File(file, "A white cup") if file.bytes == [1, 2, 3, 4]));
        let remote = Upload::of(url.parts().unwrap(), &prior(&[])).unwrap();
        let Upload::Fetch(request) = remote else { panic!("{remote:?}") };
        assert_eq!((request.method, request.target.as_str()), ("GET", "https://harbour.example/spring.png"));
        let mut after = prior(&[]);
        after.put(FETCH, answer(200, &[("content-type", "image/jpeg; q=1")], "abc"));
        let fetched = Upload::of(url.parts().unwrap(), &after).unwrap();
        let Upload::File(file, _) = fetched else { panic!("{fetched:?}") };
        assert_eq!(
            (file.name.as_str(), file.media.as_str(), file.bytes.len()),
            ("spring.png", "image/jpeg", 3)
        );
        assert!(matches!(Upload::of(&Parts::default(), &prior(&[])), Ok(Upload::None)));
    }

    #[test]
    fn private_addresses_are_not_fetched() {
        let picture =
            Picture { source: PictureSource::Url("http://169.254.169.254/a.png".into()), alt: "".into() };
        let parts = Parts { picture: Some(picture), ..Parts::default() };
        assert!(Upload::of(&parts, &prior(&[])).unwrap_err().to_string().contains("cannot be fetched"));
    }

    #[test]
    fn only_pictures_are_taken() {
        let png = &[("content-type", "image/png")][..];
        for (status, headers, body, expected) in [
            (200, png, "abc", Verdict::Ready),
            (200, png, "", Verdict::Retryable),
            (200, &[("content-type", "text/html")][..], "<p>", Verdict::rejected()),
            (404, png, "abc", Verdict::rejected()),
            (302, png, "", Verdict::rejected()),
            (401, png, "", Verdict::rejected()),
            (429, png, "", Verdict::Retryable),
            (503, png, "", Verdict::Retryable),
        ] {
            assert_eq!(verdict(&answer(status, headers, body)), expected, "{status}");
        }
    }
}
