//! One statement that writes a whole batch: data-modifying CTEs over `unnest` arrays.
//!
//! The text depends on the table descriptions only, never on the rows, so every connection prepares it
//! once. Each table appears once a statement; rows must not name one key twice.

use sea_orm::sea_query::ArrayType;

use crate::Value;

/// A row to write: one value per column, in the order of the table's description, none NULL.
pub type Row = Vec<Value>;

/// What happens when a row with the same key exists.
#[derive(Debug, Clone, Copy)]
pub enum Conflict {
    /// Rows are new: a conflict is an error.
    Refuse,
    /// The row stands as it is.
    Keep,
    /// The text after `on conflict`, such as `(tenant_id, id) do update set x = excluded.x`.
    Do(&'static str),
    /// No insert at all: existing rows are updated; the first `n` columns are the key.
    UpdateOnly(usize),
}

/// A table as a batch writes it.
#[derive(Debug, Clone, Copy)]
pub struct TableSpec {
    /// Table name.
    pub name: &'static str,
    /// Column name and Postgres type: uuid, text, bigint, integer, smallint, boolean, date,
    /// timestamptz, bytea; given as text: numeric, jsonb, and arrays of any.
    pub columns: &'static [(&'static str, &'static str)],
    /// What to do about existing rows.
    pub conflict: Conflict,
}

/// The fixed statement for a list of tables.
#[derive(Debug)]
pub struct FlushPlan {
    tables: Vec<TableSpec>,
    sql: String,
}

/// The rows of one batch, per table of the plan.
#[derive(Debug)]
pub struct Flush {
    columns: Vec<Vec<Vec<Value>>>,
}

impl FlushPlan {
    /// Writes the statement's text.
    #[must_use]
    pub fn new(tables: Vec<TableSpec>) -> Self {
        let mut next_parameter = 1;
        let parts: Vec<String> = tables
            .iter()
            .enumerate()
            .map(|(index, table)| format!("t{index} as ({})", table.sql(&mut next_parameter)))
            .collect();
        let sql = format!("with {} select 1", parts.join(",\n"));
        Self { tables, sql }
    }

    /// The statement.
    #[must_use]
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// An empty batch.
    #[must_use]
    pub fn batch(&self) -> Flush {
        let columns =
            self.tables.iter().map(|table| vec![Vec::new(); table.columns.len()]).collect();
        Flush { columns }
    }

    /// The statement's arguments for a batch.
    #[must_use]
    pub fn arguments(&self, batch: Flush) -> Vec<Value> {
        let types = self.tables.iter().flat_map(|table| table.columns.iter().map(|(_, kind)| kind));
        let columns = batch.columns.into_iter().flatten();
        types
            .zip(columns)
            .map(|(kind, values)| Value::Array(array_type(kind), Some(Box::new(values))))
            .collect()
    }
}

impl Flush {
    /// Adds a row to the table at `index` of the plan. A row of another width is ignored by
    /// `debug_assert` builds only in tests; the database refuses it otherwise.
    pub fn push(&mut self, index: usize, row: Row) {
        if let Some(columns) = self.columns.get_mut(index) {
            debug_assert_eq!(columns.len(), row.len(), "row width of table {index}");
            for (column, value) in columns.iter_mut().zip(row) {
                column.push(value);
            }
        }
    }
}

impl TableSpec {
    fn sql(&self, next_parameter: &mut usize) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        let arrays: Vec<String> = self
            .columns
            .iter()
            .map(|(_, kind)| {
                let parameter = *next_parameter;
                *next_parameter = next_parameter.saturating_add(1);
                format!("${parameter}::{}[]", if as_text(kind) { "text" } else { kind })
            })
            .collect();
        let source = format!("unnest({}) as v({})", arrays.join(", "), names.join(", "));
        if let Conflict::UpdateOnly(keys) = self.conflict {
            return self.update_sql(keys, &source);
        }
        let values: Vec<String> = self
            .columns
            .iter()
            .map(
                |(name, kind)| {
                    if as_text(kind) { format!("v.{name}::{kind}") } else { format!("v.{name}") }
                },
            )
            .collect();
        let conflict = match self.conflict {
            Conflict::Do(text) => format!(" on conflict {text}"),
            Conflict::Keep => " on conflict do nothing".to_owned(),
            Conflict::Refuse | Conflict::UpdateOnly(_) => String::new(),
        };
        format!(
            "insert into {} ({}) select {} from {source}{conflict}",
            self.name,
            names.join(", "),
            values.join(", "),
        )
    }

    fn update_sql(&self, keys: usize, source: &str) -> String {
        let names = || self.columns.iter().map(|(name, _)| *name);
        let sets: Vec<String> =
            names().skip(keys).map(|name| format!("{name} = v.{name}")).collect();
        let matches: Vec<String> =
            names().take(keys).map(|name| format!("t.{name} = v.{name}")).collect();
        format!(
            "update {} t set {} from {source} where {}",
            self.name,
            sets.join(", "),
            matches.join(" and "),
        )
    }
}

/// Whether values travel as text: a parameter cannot be an array of arrays, and some types have no
/// values of their own here.
fn as_text(kind: &str) -> bool {
    kind == "jsonb" || kind.ends_with("[]")
}

fn array_type(kind: &str) -> ArrayType {
    match kind {
        "uuid" => ArrayType::Uuid,
        "bigint" => ArrayType::BigInt,
        "integer" => ArrayType::Int,
        "smallint" => ArrayType::SmallInt,
        "boolean" => ArrayType::Bool,
        "date" => ArrayType::ChronoDate,
        "timestamptz" => ArrayType::ChronoDateTimeUtc,
        "bytea" => ArrayType::Bytes,
        // text, and what travels as text
        _ => ArrayType::String,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIR: TableSpec = TableSpec {
        name: "pair",
        columns: &[("tenant_id", "uuid"), ("body", "jsonb"), ("days", "date[]")],
        conflict: Conflict::Keep,
    };
    const HEAD: TableSpec = TableSpec {
        name: "head",
        columns: &[("tenant_id", "uuid"), ("seq", "bigint")],
        conflict: Conflict::UpdateOnly(1),
    };

    // Shows the text of one statement for two tables: numbered arrays, the casts of texts, the update.
    #[test]
    fn the_statement_names_each_table_once() {
        let plan = FlushPlan::new(vec![PAIR, HEAD]);
        assert_eq!(
            plan.sql(),
            "with t0 as (insert into pair (tenant_id, body, days) select v.tenant_id, v.body::jsonb, \
             v.days::date[] from unnest($1::uuid[], $2::text[], $3::text[]) \
             as v(tenant_id, body, days) on conflict do nothing),\n\
             t1 as (update head t set seq = v.seq from unnest($4::uuid[], $5::bigint[]) \
             as v(tenant_id, seq) where t.tenant_id = v.tenant_id) select 1"
        );
    }

    // Shows that rows become columns: two rows of one table are two values in each of its arrays,
    // and a table without rows still has its (empty) arrays.
    #[test]
    fn rows_become_columns() {
        let plan = FlushPlan::new(vec![PAIR, HEAD]);
        let mut batch = plan.batch();
        batch.push(1, vec![uuid::Uuid::nil().into(), 7_i64.into()]);
        batch.push(1, vec![uuid::Uuid::max().into(), 8_i64.into()]);
        let arguments = plan.arguments(batch);
        let lengths: Vec<usize> = arguments
            .iter()
            .map(|argument| match argument {
                Value::Array(_, Some(values)) => values.len(),
                other => panic!("not an array: {other:?}"),
            })
            .collect();
        assert_eq!(lengths, [0, 0, 0, 2, 2]);
    }
}
