//! The cards; the pages stand in `rules/`.

use crate::finding::cards;

cards! {
    "config":
    SYNTAX Error "syntax" "a slogen.toml that is not TOML";
    UNKNOWN_KEY Error "unknown-key" "a key that slogen.toml does not have";
    WRONG_VALUE Error "wrong-value" "a value in slogen.toml that cannot be used";
    UNKNOWN_RULE Error "unknown-rule" "a rule in slogen.toml that does not exist";
}
