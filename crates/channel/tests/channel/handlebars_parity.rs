//! Tests that compiling once per revision and rendering once per contact gives the same text as
//! Handlebars with all values at once.

use channel::Person;
use handlebars::Handlebars;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::sample_workspace::{SampleWorkspace, mail};

const PARTIALS: [(&str, &str); 3] = [
    ("partials/hi", "Hi {{name}}{{#if loud}}!{{/if}}\nand {{@root.contact.first_name}}"),
    ("partials/item", "[{{this}}/{{@index}}]"),
    ("layouts/box", "<<{{title}}\n{{> @partial-block}}\n>> {{#> nav}}no nav{{/nav}}"),
];

/// Templates that use only what Handlebars also supports.
const TEMPLATES: &[&str] = &[
    "{{brand.name}} {{facts.deadline}} {{contact.first_name}} {{{brand.address}}} {{&facts.deadline}}",
    "{{#if contact.vip}}a{{else}}b{{/if}}{{#unless contact.vip}}c{{else}}d{{/unless}}{{#if brand.name}}e{{else}}f{{/if}}",
    "{{#if contact.vip}}1{{else if contact.first_name}}2{{else if brand.name}}3{{else}}4{{/if}}",
    "{{#if (eq contact.tier \"gold\")}}gold{{else if (ne contact.tier \"x\")}}other{{/if}} {{eq brand.name \"z\"}} {{len contact.items}}",
    "{{#if (and contact.vip (or contact.tier brand.name))}}both{{/if}}{{#if (not contact.vip)}}not{{/if}}{{gt 3 2}}",
    "{{#each facts}}{{@key}}={{this}} {{@index}}{{#if @first}}<{{/if}}{{#if @last}}>{{/if}} {{@root.brand.name}}\n{{/each}}",
    "{{#each contact.items}}{{@index}}:{{this}}{{#unless @last}}, {{/unless}}{{else}}none{{/each}}",
    "{{#each contact.items as |item|}}{{item}}{{@root.contact.first_name}};{{/each}}",
    "{{#each contact.pets}}{{name}} {{this.name}} {{#each toys}}{{this}}{{@index}}{{../name}}{{/each}}|{{/each}}",
    "{{#with contact.boat}}{{name}} {{../contact.first_name}}{{else}}no boat{{/with}}{{#with brand}}{{name}}{{/with}}",
    "{{> partials/hi name=contact.first_name loud=true}} {{> partials/hi name=\"you\"}}{{> partials/hi name=brand.name loud=contact.vip}}",
    "  {{> partials/hi name=\"indented\"}}\nafter",
    "{{#each facts}}{{> partials/item}}{{/each}}{{#each contact.items}}{{> partials/item}}{{/each}}",
    "{{#> layouts/box title=facts.deadline}}\ninner {{contact.first_name}}\n{{/layouts/box}}",
    "{{#> layouts/box title=\"t\"}}{{#*inline \"nav\"}}NAV {{contact.tier}}{{/inline}}x{{/layouts/box}}",
    "a {{~#if contact.vip~}} b {{~else~}} c {{~/if~}} d\n{{! note }}\n{{!-- {{note}} --}}\n{{#if brand.name}}\nline\n{{/if}}\nend",
    "\\{{not.a.tag}} {{lookup facts \"deadline\"}} {{lookup contact \"tier\"}} {{[contact].[first_name]}} {{contact/tier}} {{./brand.name}}",
    "{{#each contact.items}}{{#each ../contact.items}}{{@index}}{{@../index}}{{/each}}{{/each}}",
];

/// Renders a template with this crate.
fn render_with_chorus(template: &str, person: &Person) -> String {
    let sample = SampleWorkspace::new();
    for (name, text) in PARTIALS {
        sample.file(&format!("templates/{name}.txt"), text);
    }
    let tail = "~END~{{brand.address}} {{links.unsubscribe}}\n";
    sample.file("templates/letter/email.txt", format!("x\n{template}{tail}"));
    let (compiled, _) = sample.compile("mail").unwrap_or_else(|findings| panic!("{template}: {findings:#?}"));
    let text = mail(&compiled, person).text;
    text.split("~END~").next().unwrap().to_owned()
}

/// Renders a template with Handlebars itself.
fn render_with_handlebars(template: &str, person: &Person) -> String {
    let mut handlebars = Handlebars::new();
    handlebars.register_escape_fn(handlebars::no_escape);
    for (name, text) in PARTIALS {
        handlebars.register_partial(name, text).unwrap();
    }
    let mut contact = person.attributes.clone();
    contact.insert("email".into(), json!(person.email));
    let scope = json!({
        "brand": {"name": "Harbour & Sons", "address": "1 Pier Road, Shanghai"},
        "facts": {"deadline": "30 April"},
        "contact": contact,
    });
    let text = handlebars.render_template(&format!("x\n{template}~END~"), &scope).unwrap();
    text.split("~END~").next().unwrap().to_owned()
}

fn check(template: &str, attributes: &Map<String, Value>) {
    let person = Person {
        email: Some("ada@contact.example".into()),
        attributes: attributes.clone(),
        ..Person::default()
    };
    assert_eq!(
        render_with_chorus(template, &person),
        render_with_handlebars(template, &person),
        "{template}"
    );
}

#[test]
fn output_equals_that_of_handlebars() {
    let contacts = [
        json!({}),
        json!({"first_name": "Ada", "vip": true, "tier": "gold", "items": ["a", "b"], "boat": {"name": "Gull"}}),
        json!({"first_name": "<&>", "vip": false, "tier": 3, "items": [], "boat": {}, "pets": [{"name": "Rex", "toys": [1, 2]}, {"name": "Tom", "toys": []}]}),
        json!({"first_name": null, "vip": 0, "tier": ["x", 1], "items": [null, 1.5, "c"], "pets": []}),
    ];
    for template in TEMPLATES {
        for contact in &contacts {
            check(template, contact.as_object().unwrap());
        }
    }
}

fn block(inner: impl Strategy<Value = String> + Clone) -> impl Strategy<Value = String> {
    prop_oneof![
        (condition(), inner.clone(), inner.clone())
            .prop_map(|(t, a, b)| format!("{{{{#if {t}}}}}{a}{{{{else}}}}{b}{{{{/if}}}}")),
        (condition(), inner.clone()).prop_map(|(t, a)| format!("{{{{#unless {t}}}}}{a}{{{{/unless}}}}")),
        (condition(), condition(), inner.clone(), inner.clone())
            .prop_map(|(t, u, a, b)| format!("{{{{#if {t}}}}}{a}{{{{else if {u}}}}}{b}{{{{/if}}}}")),
        inner.prop_map(|a| format!("{{{{#each @root.contact.items}}}}{a}{{{{@index}}}}{{{{/each}}}}")),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "@root.contact.vip",
        "@root.contact.first_name",
        "@root.brand.name",
        "(eq @root.contact.tier \"gold\")",
        "(or @root.contact.vip false)",
        "(and @root.contact.vip @root.facts.deadline)",
        "(not @root.contact.first_name)",
    ])
    .prop_map(str::to_owned)
}

fn template() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[a-z <>\n]{0,6}".prop_map(|text| text),
        Just("{{@root.contact.first_name}}".to_owned()),
        Just("{{@root.brand.name}}".to_owned()),
        Just("{{> partials/hi name=@root.contact.tier}}".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let inner = prop::collection::vec(inner, 1..3).prop_map(|parts| parts.concat());
        block(inner.boxed())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn output_equals_that_of_handlebars_for_random_templates(
        parts in prop::collection::vec(template(), 1..4),
        vip in any::<bool>(),
        name in prop::option::of("[A-Z&<]{0,3}"),
        items in prop::collection::vec("[a-z]{0,2}", 0..3),
    ) {
        let contact = json!({"vip": vip, "first_name": name, "tier": "gold", "items": items});
        check(&parts.concat(), contact.as_object().unwrap());
    }
}
