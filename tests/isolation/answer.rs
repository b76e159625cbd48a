//! What an answer says, in a form that compares.

use std::collections::BTreeMap;

use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::raw::Answer;

/// A refusal with its details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: Code,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) violations: Vec<(String, String)>,
}

impl Refusal {
    /// Reads a status.
    pub(crate) fn of(status: &Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info();
        if let Some(info) = info {
            assert_eq!(info.domain, "backlog", "{status:?}");
        }
        let bad = details.bad_request().map(|bad| bad.field_violations.as_slice());
        Self {
            code: status.code(),
            reason: info.map(|info| info.reason.clone()).unwrap_or_default(),
            message: status.message().to_owned(),
            metadata: info.into_iter().flat_map(|info| info.metadata.clone()).collect(),
            violations: bad
                .unwrap_or_default()
                .iter()
                .map(|violation| (violation.field.clone(), violation.description.clone()))
                .collect(),
        }
    }

    /// The refusal that an answer is.
    pub(crate) fn expect(what: &str, answer: &Answer) -> Self {
        match answer {
            Ok(messages) => panic!("{what} was let through: {messages:?}"),
            Err(status) => Self::of(status),
        }
    }

    /// The same with each of these words replaced: what is left is the form.
    pub(crate) fn without(mut self, words: &[String]) -> Self {
        let clean = |text: &str| words.iter().fold(text.to_owned(), |t, w| t.replace(w, "<id>"));
        self.message = clean(&self.message);
        self.metadata.values_mut().for_each(|value| *value = clean(value));
        for (field, description) in &mut self.violations {
            *field = clean(field);
            *description = clean(description);
        }
        self
    }

    /// Whether a violation names this field, or the message around it.
    pub(crate) fn names(&self, path: &str) -> bool {
        self.violations.iter().any(|(field, _)| {
            path.strip_prefix(field.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }
}

/// Fails unless the answer refuses fields, this one among them.
pub(crate) fn assert_names(what: &str, path: &str, answer: &Answer) {
    let refusal = Refusal::expect(what, answer);
    assert_eq!(refusal.code, Code::InvalidArgument, "{what}: {refusal:?}");
    if path == "page_token" && refusal.reason == "PAGE_TOKEN_INVALID" {
        return;
    }
    assert_eq!(refusal.reason, "INVALID_FIELDS", "{what}: {refusal:?}");
    assert!(refusal.names(path), "{what} does not name {path}: {refusal:?}");
}
