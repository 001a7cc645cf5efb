//! The compilation of a campaign's step, and the rendering of its message for each recipient.
//!
//! [`compile()`] runs once per revision. In each language it fills in constants, converts MJML to
//! HTML, inlines CSS and collects links, so that only the values of the contact remain to be filled
//! in. A [`Renderer`] makes the message for each recipient.
//!
//! Invariants:
//! - A contact's data is never interpreted as a template.
//! - A template can read only the declared names.
//! - The same arguments give the same bytes.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use campaign::Workspace;
//! use message::{Message, Person, Recipient, SAMPLE_TOKEN};
//! use template::Renderer;
//!
//! # let folder = tempfile::tempdir()?;
//! # let root = folder.path();
//! # let write = |path: &str, text: &str| -> std::io::Result<()> {
//! #     std::fs::create_dir_all(root.join(path).parent().expect("a file has a folder"))?;
//! #     std::fs::write(root.join(path), text)
//! # };
//! # write(
//! #     "chorus.toml",
//! #     r#"
//! #         [brand]
//! #         name = "Harbour"
//! #         url = "https://harbour.example"
//! #         address = "1 Pier Road, Shanghai"
//! #         timezone = "Asia/Shanghai"
//! #         language = "en"
//! #         [database]
//! #         url = "sqlite:data/chorus.db"
//! #         [server]
//! #         listen = "127.0.0.1:0"
//! #         public_url = "https://news.harbour.example"
//! #         [attributes]
//! #         first_name = "text"
//! #         [channels.email]
//! #         kind = "outbox"
//! #         from = "Harbour <news@harbour.example>"
//! #     "#,
//! # )?;
//! # write("audiences/readers.toml", "title = \"Readers\"\n")?;
//! # write(
//! #     "templates/letter/email.html",
//! #     "<p>{{brand.address}} <a href=\"{{links.unsubscribe}}\">Unsubscribe</a></p>",
//! # )?;
//! # write(
//! #     "campaigns/spring.toml",
//! #     r#"
//! #         title = "Spring"
//! #         audience = "readers"
//! #         [message]
//! #         subject = 'Hello {{default contact.first_name "you"}}'
//! #         [[steps]]
//! #         id = "mail"
//! #         channel = "email"
//! #         template = "letter"
//! #         when = { at = 2027-03-02T10:00:00 }
//! #     "#,
//! # )?;
//! // The subject of campaign `spring` is `Hello {{default contact.first_name "you"}}`.
//! let (workspace, findings) = Workspace::load(root, &|_| None).expect("the files are readable");
//! let campaign = workspace.campaigns.get("spring").ok_or_else(|| findings.to_text(false))?;
//! let (compiled, _) = template::compile(&workspace, campaign, &campaign.steps[0])
//!     .map_err(|findings| format!("{findings:?}"))?;
//! let renderer = Renderer::new(&compiled, &compiled.sample_links(&workspace))?;
//!
//! let mut person = Person { email: Some("ada@example.com".to_owned()), ..Person::default() };
//! person.attributes.insert("first_name".to_owned(), "{{brand.name}}".into());
//! let recipient = Recipient {
//!     person: Some(&person),
//!     token: SAMPLE_TOKEN,
//!     message_id: "1",
//!     date: "2027-03-02T02:00:00Z".parse()?,
//!     possible_duplicate: false,
//! };
//! let message = renderer.render(&recipient)?;
//! assert_eq!(renderer.render(&recipient)?, message);
//! let Message::Email(email) = message else { return Err("a post".into()) };
//! assert_eq!(email.subject, "Hello {{brand.name}}");
//! # Ok(())
//! # }
//! ```

mod compile;
mod compiled;
mod expression;
mod language;
pub mod large_stack;
mod piece;
mod render;

pub use compile::{Cache, Place, Source, compile, compile_with, compiler_failure, in_language};
pub use compiled::Compiled;
pub use language::primary_language;
pub use render::{PlainText, Renderer};
