//! A picture for networks that want an upload: its file, fetched first where the campaign names an address.

use std::borrow::Cow;

use egress::{Part, Request, Response};
use message::{Parts, Picture, PictureFile, PictureSource};

use crate::protocol::{ComposeError, Known};
use crate::verdict::Verdict;

/// What the request that fetches a picture is called.
pub(crate) const FETCH: &str = "picture";

/// A picture on its way into a network.
#[derive(Debug)]
pub(crate) enum Upload<'a> {
    /// There is none.
    None,
    /// It has to be fetched first.
    Fetch(Request),
    /// Here it is, with its words.
    File(Cow<'a, PictureFile>, &'a str),
}

impl<'a> Upload<'a> {
    /// The picture of `parts`, as far as it is here.
    ///
    /// # Errors
    /// It is at an address that may not be gone to.
    pub(crate) fn of(parts: &'a Parts, known: &Known) -> Result<Self, ComposeError> {
        let Some(Picture { source, alt }) = &parts.picture else { return Ok(Self::None) };
        match (source, known.get(FETCH)) {
            (PictureSource::File(file), _) => Ok(Self::File(Cow::Borrowed(file), alt)),
            (PictureSource::Url(url), Some(answer)) => Ok(Self::File(Cow::Owned(fetched(url, answer)), alt)),
            (PictureSource::Url(url), None) => {
                let address = url::Url::parse(url).map_err(|_| "the address of its picture is none")?;
                egress::check_public(&address)
                    .map_err(|barred| format!("its picture cannot be fetched: {barred}"))?;
                Ok(Self::Fetch(Request::get(FETCH, url)))
            }
        }
    }
}

/// What came from the picture's address: nobody is barred by it, and nothing is out yet.
pub(crate) fn verdict(answer: &Response) -> Verdict {
    let is_picture = answer.header("content-type").is_some_and(|media| media.starts_with("image/"));
    match answer.status {
        200 if is_picture && !answer.cut && !answer.body.is_empty() => Verdict::Ready,
        // More than 1 MiB, or broken off: the next try tells.
        200 if is_picture => Verdict::Retryable,
        408 | 425 | 429 | 500..=599 => Verdict::Retryable,
        _ => Verdict::rejected(),
    }
}

fn fetched(url: &str, answer: &Response) -> PictureFile {
    let media = answer.header("content-type").unwrap_or("image/png");
    let media = media.split(';').next().unwrap_or_default().trim().to_owned();
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("picture").to_owned();
    PictureFile { name, media, bytes: answer.body.clone() }
}

/// Returns the field of a form that is a picture's file.
pub(crate) fn part(name: &'static str, file: &PictureFile) -> Part {
    Part::file(name, &file.name, &file.media, &file.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{answer, known, post, post_with_file};

    #[test]
    fn a_file_is_here_and_an_address_is_fetched() {
        let (file, url) = (post_with_file(), post());
        let here = Upload::of(file.parts().unwrap(), &known(&[])).unwrap();
        assert!(matches!(here, Upload::File(file, "A white cup") if file.bytes == [1, 2, 3, 4]));
        let away = Upload::of(url.parts().unwrap(), &known(&[])).unwrap();
        let Upload::Fetch(request) = away else { panic!("{away:?}") };
        assert_eq!((request.method, request.target.as_str()), ("GET", "https://harbour.example/spring.png"));
        let mut after = known(&[]);
        after.put(FETCH, answer(200, &[("content-type", "image/jpeg; q=1")], "abc"));
        let came = Upload::of(url.parts().unwrap(), &after).unwrap();
        let Upload::File(file, _) = came else { panic!("{came:?}") };
        assert_eq!(
            (file.name.as_str(), file.media.as_str(), file.bytes.len()),
            ("spring.png", "image/jpeg", 3)
        );
        assert!(matches!(Upload::of(&Parts::default(), &known(&[])), Ok(Upload::None)));
    }

    #[test]
    fn inner_addresses_are_not_fetched() {
        let picture =
            Picture { source: PictureSource::Url("http://169.254.169.254/a.png".into()), alt: "".into() };
        let parts = Parts { picture: Some(picture), ..Parts::default() };
        assert!(Upload::of(&parts, &known(&[])).unwrap_err().to_string().contains("cannot be fetched"));
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
