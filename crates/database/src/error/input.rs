//! Errors of requests whose values cannot be stored or queried.

/// A value that cannot be stored or queried; the text says what to change.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// An attribute with a name that cannot stand in a statement.
    #[error("no address can stand in the attribute {0:?}; name it with letters, digits, `_` and `-`")]
    AttributeName(String),
    /// An event with a value that is too large to be summed.
    #[error("the value of an event is at most 1000000000")]
    EventValue,
    /// A contact without any key.
    #[error("a contact needs an external id, an e-mail address or a phone number")]
    NoKey,
    /// A contact with an empty key.
    #[error("contact {0:?} has an empty key; leave it out")]
    EmptyKey(String),
    /// A contact with a NUL character, which PostgreSQL stores in no text.
    #[error("contact {0:?} holds a NUL character; take it out")]
    ContactNul(String),
    /// An attribute that is a list or an object.
    #[error(
        "the attribute {name:?} of contact {key:?} is a list or an object; write a text, a number, true or false"
    )]
    NestedAttribute {
        /// One key of the contact.
        key: String,
        /// The name of the attribute.
        name: String,
    },
    /// An attribute with a NUL character.
    #[error("the attribute {name:?} of contact {key:?} holds a NUL character; take it out")]
    AttributeNul {
        /// One key of the contact.
        key: String,
        /// The name of the attribute.
        name: String,
    },
    /// A contact whose attributes take too much space.
    #[error("the attributes of {key:?} take {size} bytes; keep at most {most}")]
    AttributesTooLarge {
        /// One key of the contact.
        key: String,
        /// The length of the attributes as JSON, in bytes.
        size: usize,
        /// The limit, in bytes.
        most: usize,
    },
    /// A run whose recipients are neither an audience nor a contact, where people are needed.
    #[error("only audiences and single contacts are people")]
    NotPeople,
    /// An audience that no file defines.
    #[error("there is no audience {0:?}; add the file audiences/{0}.toml")]
    UnknownAudience(String),
    /// An audience that compares with NaN or infinity.
    #[error("an audience compares with {0}, which is no number")]
    NotANumber(f64),
    /// An audience that compares with a text that has a NUL character.
    #[error("an audience compares with {0:?}; take the NUL out")]
    AudienceNul(String),
    /// An audience with too many rules.
    #[error("an audience has at most {0} rules")]
    TooManyRules(usize),
    /// An audience within audiences, nested too deep.
    #[error("audiences nest at most {0} deep")]
    TooDeep(usize),
    /// A value that cannot be written as JSON.
    #[error("it cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A value that the database refuses: out of range, too long, or against one of its
    /// constraints.
    #[error("the database does not take it: {message}")]
    Refused {
        /// The message of the database.
        message: String,
        /// The error that it came with.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}
