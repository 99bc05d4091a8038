//! Sparkplug B: nodes with devices below them, born with the names of their metrics, which they then say by number.
//! What a name stands for is known from births only; a node's death leaves every device of it unknown.

mod message;
mod nodes;

pub use message::{Metric, Payload, rebirth};
pub use nodes::{Heard, Nodes};

/// Who speaks, as the topic says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A group of nodes.
    pub group: String,
    /// The edge node.
    pub node: String,
    /// A device below it; None: the node itself.
    pub device: Option<String>,
    /// What kind of message.
    pub message: Message,
}

/// Kinds of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// The session begins: all metrics with their names.
    Birth,
    /// It ends.
    Death,
    /// Something has changed.
    Data,
}

impl Address {
    /// The node's name with us.
    pub fn node_name(&self) -> String {
        format!("{}/{}", self.group, self.node)
    }

    /// The speaker's name with us: `group/node` or `group/node/device`.
    pub fn name(&self) -> String {
        match &self.device {
            Some(device) => format!("{}/{}/{device}", self.group, self.node),
            None => self.node_name(),
        }
    }
}
