//! Callers who may, with the ids of somebody else.

use backlog_tests::Caller;
use bytes::Bytes;
use tonic::Code;

use crate::answer::Refusal;
use crate::raw::Answer;
use crate::samples::Subject;
use crate::table::{Foreign, Level, Row, table};
use crate::world::World;

/// What tells its caller nothing that could be recognized: figures and positions only, or something
/// that was made by the call.
const TELL_NOTHING: [&str; 32] = [
    "CreateAccount",
    "CreateContract",
    "RunRecognition",
    "StreamRun",
    "ReportProgress",
    "ChangeEstimate",
    "AdjustRevenue",
    "HoldRevenue",
    "ReassessContract",
    "CombineContracts",
    "SetAccountMapping",
    "GetAccountMapping",
    "SetExchangeRate",
    "GetTrialBalance",
    "ExportJournal",
    "ListJournalExports",
    "ApproveAdjustment",
    "RejectAdjustment",
    "ReopenPeriod",
    "ClosePeriod",
    "GetPeriod",
    "ListPeriods",
    "GetCloseChecklist",
    "SetPolicy",
    "GetPolicy",
    "ListPolicies",
    "StartWhatIf",
    "DeleteWhatIf",
    "GetRollForward",
    "GetConsistencyProof",
    "GetProcessing",
    "ResumeProcessing",
];

// Shows that ids of another tenant answer as ids that nobody has: the same code, reason, message and
// metadata, or the same bytes; that no answer to another tenant holds an id, a name or a hash of the
// first; and that the first's rows stay as they are. The first's own answers hold them, so the search
// finds what there is.
#[tokio::test]
async fn ids_of_others_are_like_ids_of_nobody() {
    let world = World::start().await;
    for row in table() {
        let shown = world.call(&row, &world.allowed(&row), &sample(&world, &row, None)).await;
        let shown = shown.unwrap_or_else(|status| panic!("{}: {status:?}", row.name()));
        let tells = !TELL_NOTHING.iter().any(|method| row.rpc.ends_with(method));
        assert_eq!(secret(&world, &row, &shown).is_some(), tells, "{}", row.name());
    }
    let before = world.written_of(world.full).await;
    for row in table() {
        for outsider in world.outsiders(&row) {
            check(&world, &row, &outsider).await;
        }
    }
    assert_eq!(world.written_of(world.full).await, before, "its rows stay");
    world.assert_calm();
}

async fn check(world: &World, row: &Row, outsider: &Caller) {
    let name = row.name();
    let unknown = Subject::unknown();
    if matches!(row.foreign, Foreign::Nothing) {
        // Answers that say how far they reach are the same only when nothing of earlier calls moves.
        world.stack.settle().await;
    }
    let foreign = world.call(row, outsider, &sample(world, row, Some(&world.subject))).await;
    if let Ok(messages) = &foreign {
        assert_eq!(secret(world, row, messages), None, "{name} tells an outsider");
    }
    match row.foreign {
        Foreign::NotFound => {
            let nobodys = world.call(row, outsider, &sample(world, row, Some(&unknown))).await;
            let form = |what: &str, answer: &Answer, subject: &Subject| {
                Refusal::expect(&format!("{name} with {what} ids"), answer)
                    .without(&subject.words())
            };
            let refusal = form("foreign", &foreign, &world.subject);
            assert_eq!(refusal.code, Code::NotFound, "{name}: {refusal:?}");
            assert_eq!(refusal.reason, "NOT_FOUND", "{name}");
            assert_eq!(refusal, form("unknown", &nobodys, &unknown), "{name}");
        }
        Foreign::Nothing => {
            let nobodys = world.call(row, outsider, &sample(world, row, Some(&unknown))).await;
            assert_eq!(foreign.expect(&name), nobodys.expect(&name), "{name}");
        }
        Foreign::Own => {
            foreign.unwrap_or_else(|status| panic!("{name} answers about its caller: {status:?}"));
        }
        Foreign::Operators => {
            let refusal = Refusal::expect(&name, &foreign);
            assert_eq!(refusal.code, Code::PermissionDenied, "{name}: {refusal:?}");
        }
    }
}

/// A request about somebody: of the tenant itself checked only, of others in earnest.
fn sample(world: &World, row: &Row, about: Option<&Subject>) -> Vec<u8> {
    match about {
        None => row.request(&world.about(&world.subject.dry())),
        Some(subject) => row.request(&world.about(subject)),
    }
}

/// The first secret of the full tenant in an answer; of its vendor too where vendors are told apart.
fn secret(world: &World, row: &Row, messages: &[Bytes]) -> Option<Vec<u8>> {
    let mut secrets = world.secrets.clone();
    if row.level == Level::Account {
        secrets.push(world.vendor.to_string().into_bytes());
        secrets.push(b"vendor".to_vec());
    }
    secrets.into_iter().find(|secret| {
        messages.iter().any(|m| m.windows(secret.len()).any(|window| window == secret.as_slice()))
    })
}
