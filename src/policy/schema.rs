//! The JSON Schema of the policy language, for editors.

use super::written::Document;

/// The schema as the text that is committed beside the policies.
pub fn text() -> String {
    let schema =
        schemars::generate::SchemaSettings::draft07().into_generator().into_root_schema_for::<Document>();
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema has only string keys");
    text.push('\n');
    text
}
