//! The cards of what does not fit its kind. The pages stand beside each other in `rules/`.

use crate::finding::cards;

cards! {
    "schema":
    UNKNOWN_FIELD Error "unknown-field" "a field that the kind does not have";
    WRONG_TYPE Error "wrong-type" "a value of another type than the field takes";
    MISSING_FIELD Error "missing-field" "a field that cannot be left out";
    NOT_ALLOWED Error "not-allowed" "a value outside of what the field allows";
}
