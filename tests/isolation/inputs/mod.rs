//! Bad input for every RPC: the right code and reason, every wrong field named, nothing written, and
//! no fault of the service. The fields come from the requests themselves, by reflection.

mod fields;
mod headers;
mod keys;
mod meaning;
mod paging;
mod texts;
mod wire;

use prost_reflect::DynamicMessage;

use crate::leaves;
use crate::raw::Answer;
use crate::samples::Subject;
use crate::table::Row;
use crate::world::World;

/// The samples of a row about the full tenant, each for a call of its own.
fn samples(world: &World, row: &Row) -> Vec<DynamicMessage> {
    let subject: Subject = world.about(&world.subject);
    (row.samples)(&subject).iter().map(|bytes| leaves::request(row.rpc, bytes)).collect()
}

/// Sends a request to its row as somebody who may.
async fn send(world: &World, row: &Row, request: &DynamicMessage) -> Answer {
    world.call(row, &world.allowed(row), &leaves::bytes(request)).await
}
