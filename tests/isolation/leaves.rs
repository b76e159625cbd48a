//! The values of a request, found by reflection, and the same request with one of them replaced.

use backlog_proto::FILE_DESCRIPTOR_SET;
use bytes::Bytes;
use prost::Message;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor,
    MethodDescriptor, ReflectMessage, Value,
};

/// Every message and service of the wire.
pub(crate) fn pool() -> DescriptorPool {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the descriptor set")
}

/// All RPCs of the system, as `package.Service/Method`.
pub(crate) fn rpcs() -> Vec<(String, MethodDescriptor)> {
    let services = pool().services().collect::<Vec<_>>();
    let ours = services.into_iter().filter(|s| s.full_name().starts_with("backlog."));
    ours.flat_map(|service| {
        let name = service.full_name().to_owned();
        let methods: Vec<_> = service.methods().collect();
        methods.into_iter().map(move |method| (format!("{name}/{}", method.name()), method))
    })
    .collect()
}

/// The request of an RPC from its bytes.
pub(crate) fn request(rpc: &str, bytes: &[u8]) -> DynamicMessage {
    let method = rpcs().into_iter().find(|(name, _)| name == rpc).expect("an RPC").1;
    DynamicMessage::decode(method.input(), bytes).expect("a request")
}

/// The answer of an RPC from its bytes.
pub(crate) fn response(rpc: &str, bytes: &Bytes) -> DynamicMessage {
    let method = rpcs().into_iter().find(|(name, _)| name == rpc).expect("an RPC").1;
    DynamicMessage::decode(method.output(), bytes.clone()).expect("an answer")
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// The decimal string of a Money.
    Amount,
    /// The code of a Money, or of anything else.
    Currency,
    /// Any other text.
    Text,
    /// A whole google.type.Date.
    Date,
    /// An enumeration.
    Enum,
    /// A whole number.
    Number,
    /// Bytes.
    Bytes,
    /// True or false.
    Bool,
}

#[derive(Debug, Clone)]
enum Step {
    Field(FieldDescriptor),
    Index(usize),
    Key(MapKey),
}

/// One value of a request.
#[derive(Debug, Clone)]
pub(crate) struct Leaf {
    steps: Vec<Step>,
    /// As violations name it, such as `terms.obligations[0].price.amount`.
    pub(crate) path: String,
    /// Full name of its field, or of the field of its Date.
    pub(crate) field: String,
    pub(crate) sort: Sort,
}

/// All values that are set in a message.
pub(crate) fn leaves(message: &DynamicMessage) -> Vec<Leaf> {
    let mut found = Vec::new();
    visit(message, &[], "", &mut found);
    found
}

fn visit(message: &DynamicMessage, steps: &[Step], path: &str, found: &mut Vec<Leaf>) {
    for (field, value) in message.fields() {
        let dot = if path.is_empty() { "" } else { "." };
        let path = format!("{path}{dot}{}", field.name());
        let steps = [steps, &[Step::Field(field.clone())]].concat();
        match value {
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    let steps = [steps.as_slice(), &[Step::Index(index)]].concat();
                    one(item, &field, steps, format!("{path}[{index}]"), found);
                }
            }
            Value::Map(entries) => {
                for (key, item) in entries {
                    let steps = [steps.as_slice(), &[Step::Key(key.clone())]].concat();
                    let name = key.as_str().unwrap_or_default();
                    one(item, &field, steps, format!("{path}[{name}]"), found);
                }
            }
            single => one(single, &field, steps, path, found),
        }
    }
}

fn one(
    value: &Value,
    field: &FieldDescriptor,
    steps: Vec<Step>,
    path: String,
    found: &mut Vec<Leaf>,
) {
    let sort = match value {
        Value::Message(date) if is_date(&date.descriptor()) => Sort::Date,
        Value::Message(inner) => return visit(inner, &steps, &path, found),
        Value::String(_) => text_sort(field),
        Value::EnumNumber(_) => Sort::Enum,
        Value::Bytes(_) => Sort::Bytes,
        Value::Bool(_) => Sort::Bool,
        _ => Sort::Number,
    };
    found.push(Leaf { steps, path, field: field.full_name().to_owned(), sort });
}

fn is_date(message: &MessageDescriptor) -> bool {
    message.full_name() == "google.type.Date"
}

fn text_sort(field: &FieldDescriptor) -> Sort {
    match field.name() {
        "amount" => Sort::Amount,
        name if name.ends_with("currency_code") => Sort::Currency,
        _ => Sort::Text,
    }
}

/// The message with this value instead.
pub(crate) fn replaced(message: &DynamicMessage, leaf: &Leaf, value: Value) -> DynamicMessage {
    let mut copy = message.clone();
    let (first, rest) = leaf.steps.split_first().expect("a path");
    let Step::Field(field) = first else { panic!("a path begins with a field") };
    *at(copy.get_field_mut(field), rest) = value;
    copy
}

fn at<'a>(value: &'a mut Value, steps: &[Step]) -> &'a mut Value {
    let Some((step, rest)) = steps.split_first() else { return value };
    let inner = match step {
        Step::Field(field) => value.as_message_mut().map(|message| message.get_field_mut(field)),
        Step::Index(index) => value.as_list_mut().and_then(|list| list.get_mut(*index)),
        Step::Key(key) => value.as_map_mut().and_then(|map| map.get_mut(key)),
    };
    at(inner.expect("a value on the path"), rest)
}

/// A date of any numbers.
pub(crate) fn date(year: i32, month: i32, day: i32) -> Value {
    let descriptor = pool().get_message_by_name("google.type.Date").expect("dates");
    let mut date = DynamicMessage::new(descriptor);
    for (name, number) in [("year", year), ("month", month), ("day", day)] {
        date.set_field_by_name(name, Value::I32(number));
    }
    Value::Message(date)
}

/// Bytes of a message.
pub(crate) fn bytes(message: &DynamicMessage) -> Vec<u8> {
    message.encode_to_vec()
}

/// Full names of all fields that a request of this type can set, but those of Dates.
pub(crate) fn reachable(message: &MessageDescriptor) -> Vec<String> {
    let mut names = Vec::new();
    for field in message.fields() {
        match field.kind() {
            Kind::Message(entry) if field.is_map() => {
                // A map has its own name on the value.
                drop(entry);
                names.push(field.full_name().to_owned());
            }
            Kind::Message(inner) if !is_date(&inner) => names.extend(reachable(&inner)),
            Kind::Bool => {}
            _ => names.push(field.full_name().to_owned()),
        }
    }
    names
}
