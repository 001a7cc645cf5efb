//! The names that exports of other programs give to columns.

use crate::known::Known;

/// Names by meaning, in lower case, without spaces and punctuation. From the exports of Mailchimp
/// (`Email Address`, `OPTIN_TIME`), Brevo (`SMS`), HubSpot (`Record ID`), Klaviyo (`Email Marketing
/// Consent`), listmonk, Keila, Mautic, ActiveCampaign, and Excel in English, German, French,
/// Spanish and Chinese.
const KNOWN: &[(Known, &[&str])] = &[
    (
        Known::Email,
        &[
            "email",
            "emailaddress",
            "mail",
            "mailaddress",
            "emailadresse",
            "mailadresse",
            "adresseemail",
            "courriel",
            "adressemail",
            "correo",
            "correoelectronico",
            "correoelectrónico",
            "邮箱",
            "电子邮件",
            "电子邮箱",
            "邮件",
            "邮箱地址",
            "電子郵件",
            "contactemail",
            "subscriberemail",
            "primaryemail",
            "email1",
        ],
    ),
    (
        Known::Phone,
        &[
            "phone",
            "phonenumber",
            "mobile",
            "mobilephone",
            "mobilenumber",
            "cell",
            "cellphone",
            "sms",
            "smsphonenumber",
            "telephone",
            "telefon",
            "telefonnummer",
            "handy",
            "handynummer",
            "mobil",
            "mobilnummer",
            "téléphone",
            "numérodetéléphone",
            "portable",
            "teléfono",
            "telefono",
            "móvil",
            "movil",
            "电话",
            "电话号码",
            "手机",
            "手机号",
            "手机号码",
            "電話",
            "手機",
        ],
    ),
    (
        Known::ExternalId,
        &[
            "externalid",
            "contactid",
            "customerid",
            "subscriberid",
            "memberid",
            "recordid",
            "klaviyoid",
            "euid",
            "leid",
            "customernumber",
            "kundennummer",
            "numéroclient",
            "客户编号",
            "会员号",
            "会员编号",
        ],
    ),
    (
        Known::Language,
        &[
            "language",
            "lang",
            "locale",
            "preferredlanguage",
            "sprache",
            "langue",
            "idioma",
            "lengua",
            "语言",
            "語言",
        ],
    ),
    (Known::Timezone, &["timezone", "tz", "zeitzone", "fuseauhoraire", "zonahoraria", "时区", "時區"]),
    (
        Known::Consent,
        &[
            "consent",
            "optin",
            "optedin",
            "emailoptin",
            "emailmarketingconsent",
            "marketingconsent",
            "acceptsmarketing",
            "memberstatus",
            "subscriptionstatus",
            "emailstatus",
            "einwilligung",
            "newsletterja",
            "consentement",
            "consentimiento",
            "同意",
            "是否同意",
            "订阅状态",
        ],
    ),
    (Known::ConsentSource, &["consentsource", "optinsource", "signupsource", "einwilligungsquelle"]),
    (
        Known::ConsentTime,
        &[
            "consenttime",
            "consentdate",
            "consenttimestamp",
            "optintime",
            "optindate",
            "confirmtime",
            "emailmarketingconsenttimestamp",
            "subscribedat",
            "einwilligungam",
        ],
    ),
];

/// Names of usual attributes, and the name that an attribute gets.
const ATTRIBUTES: &[(&str, &[&str])] = &[
    (
        "first_name",
        &["firstname", "fname", "givenname", "vorname", "prénom", "prenom", "nombre", "名", "名字"],
    ),
    (
        "last_name",
        &[
            "lastname",
            "lname",
            "surname",
            "familyname",
            "nachname",
            "nom",
            "nomdefamille",
            "apellido",
            "apellidos",
            "姓",
            "姓氏",
        ],
    ),
    (
        "name",
        &["name", "fullname", "contactname", "vollständigername", "nomcomplet", "nombrecompleto", "姓名"],
    ),
    ("country", &["country", "countrycode", "land", "pays", "país", "pais", "国家", "國家"]),
    ("city", &["city", "town", "stadt", "ort", "ville", "ciudad", "城市"]),
];

/// Returns the letters and digits of a name, in lower case.
pub(crate) fn normal(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Returns the known column that a name stands for.
pub(crate) fn known(normal: &str) -> Option<Known> {
    KNOWN.iter().find(|(_, names)| names.contains(&normal)).map(|(known, _)| *known)
}

/// Returns the attribute that a name stands for.
pub(crate) fn attribute(normal: &str) -> Option<&'static str> {
    ATTRIBUTES.iter().find(|(_, names)| names.contains(&normal)).map(|(attribute, _)| *attribute)
}
