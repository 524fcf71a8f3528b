//! The cards of what can be wrong with a YAML file before anybody asks what it means.

use crate::finding::cards;

cards! {
    "yaml":
    SYNTAX Error "syntax" "the file is not YAML";
    DUPLICATE_KEY Error "duplicate-key" "one key twice in one mapping";
    TOO_LARGE Error "too-large" "a file that is larger or deeper than any manifest";
    QUOTED_TEMPLATE Note "quoted-template" "a template in quotes, which is applied as it stands";
    TEMPLATE Note "template" "an unrendered template, which is not YAML yet";
}
