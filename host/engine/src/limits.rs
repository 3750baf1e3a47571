//! What one run of a policy may use. Fuel is the limit that a policy meets first; time is a backstop.

use nicety_core::facts::{Facts, Kind};
use serde::{Deserialize, Serialize};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// Limits of one decision. `Limits::of` has the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// About one unit per WebAssembly instruction. Deterministic: the same facts use the same fuel on every machine.
    pub fuel: u64,
    /// Wall-clock time of the run, without the wait for a sandbox; checked every 10 ms.
    pub milliseconds: u64,
    /// Bytes of linear memory. At most what the engine's sandboxes have.
    pub memory: u64,
    /// Bytes that the host keeps of an answer: texts, and list elements at their size in the host. For the gateway kinds what
    /// a full answer needs per endpoint comes on top.
    pub output_bytes: u64,
    /// Bytes of all log messages together, each counted with 32 bytes more; what is over is dropped, and a last line says so. One
    /// message that is longer than `output_bytes` ends the run.
    pub log_bytes: u64,
}

impl Limits {
    /// Defaults. `attach` and `nic-selection` stand in the way of a pod: the fuel is some 20 to 50 ms of computing, where a built-in
    /// uses 0.02 and one of JavaScript or Python 0.5 to 2. The time is much longer, because a node under load would fail decisions
    /// by it that only waited for a core. The memory is enough for Python, whose interpreter has 12 MiB before it has seen
    /// a fact. The gateway kinds run in the background over up to 100,000 endpoints.
    pub fn of(kind: Kind) -> Limits {
        match kind {
            Kind::Attach | Kind::NicSelection => Limits {
                fuel: 50_000_000,
                milliseconds: 1_000,
                memory: 64 * MIB,
                output_bytes: 64 * KIB,
                log_bytes: 8 * KIB,
            },
            Kind::GatewayFilter | Kind::GatewayDistribution => Limits {
                fuel: 5_000_000_000,
                milliseconds: 5_000,
                memory: 128 * MIB,
                output_bytes: 256 * KIB,
                log_bytes: 16 * KIB,
            },
        }
    }

    /// For `describe` and `validate-config`: little computing, and texts as long as a schema.
    pub(crate) fn describing(self) -> Limits {
        Limits { fuel: 50_000_000, milliseconds: 1_000, output_bytes: 256 * KIB, ..self }
    }

    /// The bound on an answer to these facts.
    pub(crate) fn output_for(&self, facts: &Facts) -> u64 {
        let per_endpoint = |gateways: &nicety_core::facts::gateways::Facts, bytes: usize| {
            u64::try_from(gateways.endpoints.len().saturating_mul(bytes)).unwrap_or(u64::MAX)
        };
        let answer = match facts {
            Facts::Attach(_) | Facts::NicSelection(_) => 0,
            Facts::GatewayFilter(gateways) => per_endpoint(gateways, gateways.words_per_endpoint() * size_of::<u64>()),
            // primary, standby, reason
            Facts::GatewayDistribution(gateways) => per_endpoint(gateways, 4 + 4 + 1),
        };
        self.output_bytes.saturating_add(answer)
    }
}
