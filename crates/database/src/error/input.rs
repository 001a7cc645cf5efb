//! Requests that name what cannot be stored or asked.

/// Something that cannot be stored or asked; the text says what to change.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// An attribute whose name cannot stand in a statement.
    #[error("no address can stand in the attribute {0:?}; name it with letters, digits, `_` and `-`")]
    AttributeName(String),
    /// The value of an event is too large to be summed.
    #[error("the value of an event is at most 1000000000")]
    EventValue,
    /// A contact without any key.
    #[error("a contact needs an external id, an e-mail address or a phone number")]
    NoKey,
    /// A contact one of whose keys is empty.
    #[error("contact {0:?} has an empty key; leave it out")]
    EmptyKey(String),
    /// A contact with a NUL, which PostgreSQL keeps in no text.
    #[error("contact {0:?} holds a NUL character; take it out")]
    ContactNul(String),
    /// An attribute that is no plain value.
    #[error(
        "the attribute {name:?} of contact {key:?} is a list or an object; write a text, a number, true or false"
    )]
    NestedAttribute {
        /// A key of the contact.
        key: String,
        /// The attribute.
        name: String,
    },
    /// An attribute with a NUL.
    #[error("the attribute {name:?} of contact {key:?} holds a NUL character; take it out")]
    AttributeNul {
        /// A key of the contact.
        key: String,
        /// The attribute.
        name: String,
    },
    /// More attributes than a contact may have.
    #[error("the attributes of {key:?} take {size} bytes; keep at most {most}")]
    AttributesTooLarge {
        /// A key of the contact.
        key: String,
        /// Their length as JSON, in bytes.
        size: usize,
        /// The most that is kept, in bytes.
        most: usize,
    },
    /// A run whose recipients are no people.
    #[error("only audiences and single contacts are people")]
    NotPeople,
    /// An audience that no file defines.
    #[error("there is no audience {0:?}; add the file audiences/{0}.toml")]
    UnknownAudience(String),
    /// An audience that compares with NaN or infinity.
    #[error("an audience compares with {0}, which is no number")]
    NotANumber(f64),
    /// An audience that compares with a text with a NUL.
    #[error("an audience compares with {0:?}; take the NUL out")]
    AudienceNul(String),
    /// An audience of too many rules.
    #[error("an audience has at most {0} rules")]
    TooManyRules(usize),
    /// Audiences within audiences, too deep.
    #[error("audiences nest at most {0} deep")]
    TooDeep(usize),
    /// A value that has no JSON.
    #[error("it cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A value that the database does not take: out of range, too long, or against one of its rules.
    #[error("the database does not take it: {message}")]
    Refused {
        /// The database's words.
        message: String,
        /// Its error.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}
