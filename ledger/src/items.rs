//! Keys, items and expressions of the table.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    error::BuildError,
    types::{
        AttributeValue, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem,
        Update,
    },
};
use jumpcloud_playbooks::{ids::ObjectId, request::TargetType};

/// An item, or a key.
pub type Item = HashMap<String, AttributeValue>;

/// In place of an organization or of a playbook: all of them.
pub const ALL: &str = "*";

/// A key.
pub fn key(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}

/// Of the switch of `playbook`, or of [`ALL`].
pub fn switch_key(organization: &str, playbook: &str) -> Item {
    key(format!("{organization}#switch"), playbook)
}

/// Of a target's change record.
pub fn change_key(organization: &str, target_type: TargetType, id: &ObjectId) -> Item {
    key(format!("{organization}#change"), format!("{}#{}", target_type.word(), id.as_str()))
}

/// The partition of the protected entries.
pub fn protected_pk(organization: &str) -> String {
    format!("{organization}#protected")
}

/// A text.
pub fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number.
pub fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A set of texts; must not be empty.
pub fn set(values: &[&str]) -> AttributeValue {
    AttributeValue::Ss(values.iter().map(|value| (*value).to_owned()).collect())
}

/// The text of an attribute.
pub fn text_of<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// The number of an attribute.
pub fn number_of(item: &Item, name: &str) -> Option<i64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// The set of an attribute; empty where there is none, as DynamoDB stores no empty set.
pub fn set_of(item: &Item, name: &str) -> Vec<String> {
    item.get(name).and_then(|value| value.as_ss().ok()).cloned().unwrap_or_default()
}

/// What an expression may refer to. Every attribute is written `#name` in it: many names are reserved words.
pub type Values = Vec<(&'static str, AttributeValue)>;

/// A condition on the item that is there, and the values that it and the update refer to.
pub struct When<'a>(pub &'a str, pub Values);

/// One step of a transaction.
pub enum Step {
    /// Only the condition.
    Check,
    /// The item as a whole.
    Put(Item),
    /// An update expression.
    Update(String),
    /// The item goes.
    Delete,
}

/// `step` on the item of `key`, where the condition holds. A failure tells the item that is there.
pub fn on_condition(
    table: &str,
    key: &Item,
    step: Step,
    When(condition, values): &When<'_>,
) -> Result<TransactWriteItem, BuildError> {
    let update = if let Step::Update(update) = &step { update.as_str() } else { "" };
    let expressions = format!("{condition} {update}");
    let names = Some(names(&expressions)).filter(|names| !names.is_empty());
    let values = Some(used(&expressions, values)).filter(|values| !values.is_empty());
    let whole = TransactWriteItem::builder();
    // The four builders have these methods in common, and no trait.
    macro_rules! conditioned {
        ($builder:expr) => {
            $builder
                .table_name(table)
                .condition_expression(*condition)
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values)
                .return_values_on_condition_check_failure(AllOld)
                .build()?
        };
    }
    let key = Some(key.clone());
    Ok(match step {
        Step::Check => whole.condition_check(conditioned!(ConditionCheck::builder().set_key(key))),
        Step::Put(item) => whole.put(conditioned!(Put::builder().set_item(Some(item)))),
        Step::Update(update) => whole.update(conditioned!(Update::builder().set_key(key).update_expression(update))),
        Step::Delete => whole.delete(conditioned!(Delete::builder().set_key(key))),
    }
    .build())
}

/// `#name` stands for `name`.
fn names(expressions: &str) -> HashMap<String, String> {
    words(expressions, '#').map(|name| (format!("#{name}"), name.to_owned())).collect()
}

/// Those of `values` that are used: DynamoDB refuses a value that is not.
fn used(expressions: &str, values: &Values) -> HashMap<String, AttributeValue> {
    let used: Vec<&str> = words(expressions, ':').collect();
    let values = values.iter().filter(|(name, _)| used.contains(name));
    values.map(|(name, value)| (format!(":{name}"), value.clone())).collect()
}

/// The words that begin with `sign`.
fn words(expressions: &str, sign: char) -> impl Iterator<Item = &str> {
    let parts = expressions.split(sign).skip(1);
    parts.map(|part| part.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next().unwrap_or_default())
}
