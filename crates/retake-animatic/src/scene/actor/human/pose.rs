//! The angles of a body in every action.

use super::Pose;
use crate::scene::num::wave;
use crate::storyboard::{Action, Figure, Role};

/// The angles of a skeleton, in degrees. The first of each pair is the far side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Joints {
    /// Forward lean of the back.
    pub(super) lean: f32,
    /// Forward nod of the head.
    pub(super) nod: f32,
    /// Thighs: 0 hangs down, positive forward.
    pub(super) thighs: [f32; 2],
    /// How far the knees are bent.
    pub(super) knees: [f32; 2],
    pub(super) shoulders: [f32; 2],
    pub(super) elbows: [f32; 2],
    /// Height of the lower foot above the ground.
    pub(super) lift: f32,
}

/// The body at a moment of its action.
pub(super) fn joints(role: &Role, pose: &Pose) -> Joints {
    let breath = pose.breath();
    let rest = Joints {
        lean: 1.0 + breath * 0.5,
        nod: breath,
        thighs: [-7.0, 5.0],
        knees: [4.0, 3.0],
        shoulders: [8.0, -6.0 + breath],
        elbows: [14.0, 18.0],
        lift: 0.0,
    };
    let mut joints = match role.action {
        Action::Walk => stride(pose.turns, 25.0, 52.0, 26.0, 16.0, 3.0),
        Action::Run => Joints {
            lift: 0.04 * wave(pose.turns * 2.0 + 0.25).max(0.0),
            ..stride(pose.turns, 44.0, 98.0, 48.0, 84.0, 13.0)
        },
        Action::Sit | Action::Drive => Joints {
            lean: -2.0 + breath,
            thighs: [82.0, 86.0],
            knees: [84.0, 88.0],
            shoulders: [26.0, 22.0],
            elbows: [52.0, 58.0],
            ..rest
        },
        Action::Lie => {
            Joints { thighs: [2.0, 12.0], knees: [4.0, 26.0], shoulders: [10.0, 8.0], ..rest }
        }
        Action::Dance => dance(pose),
        Action::Spin => Joints {
            thighs: [-4.0, 38.0],
            knees: [0.0, 96.0],
            shoulders: [140.0, 158.0],
            elbows: [32.0, 26.0],
            ..rest
        },
        Action::Jump => Joints {
            lean: 6.0,
            thighs: [-28.0, 52.0],
            knees: [48.0, 74.0],
            shoulders: [128.0, -70.0],
            elbows: [28.0, 30.0],
            ..rest
        },
        Action::Fall => Joints {
            lean: -12.0,
            thighs: [48.0, -26.0],
            knees: [46.0, 34.0],
            shoulders: [128.0, -110.0],
            elbows: [24.0, -22.0],
            ..rest
        },
        Action::Fly => Joints {
            lean: -4.0,
            thighs: [-4.0, 3.0],
            knees: [5.0, 3.0],
            shoulders: [24.0, 176.0],
            elbows: [8.0, 4.0],
            ..rest
        },
        Action::Swim => {
            let (kick, stroke) = (wave(pose.turns * 2.0), pose.turns * 360.0);
            Joints {
                lean: -3.0,
                thighs: [kick * 14.0, -kick * 14.0],
                knees: [12.0, 14.0],
                shoulders: [170.0 - stroke % 360.0, 170.0 - (stroke + 180.0) % 360.0],
                elbows: [14.0, 14.0],
                ..rest
            }
        }
        Action::Float => {
            let sway = pose.clock.swing(0.14, 0.3) * 7.0;
            Joints {
                lean: 3.0,
                thighs: [28.0 + sway, 10.0 - sway],
                knees: [46.0, 30.0],
                shoulders: [56.0 + sway, -36.0 - sway],
                elbows: [34.0, 28.0],
                ..rest
            }
        }
        Action::Work => {
            let busy = wave(pose.clock.turns(0.8)) * 8.0;
            Joints {
                lean: 6.0,
                nod: 12.0 + breath,
                shoulders: [32.0 + busy, 26.0 - busy],
                elbows: [66.0, 72.0 + busy],
                ..rest
            }
        }
        Action::Read => Joints {
            lean: 3.0 + breath,
            nod: 20.0 + breath * 2.0,
            shoulders: [34.0, 28.0],
            elbows: [74.0, 82.0],
            ..rest
        },
        Action::Play => {
            let bow = wave(pose.clock.turns(0.6)) * 10.0;
            Joints {
                lean: 2.0 + breath * 2.0,
                nod: 8.0 + bow * 0.4,
                shoulders: [58.0, 30.0 + bow],
                elbows: [52.0, 74.0 - bow],
                ..rest
            }
        }
        Action::Wave => Joints {
            shoulders: [10.0, 150.0],
            elbows: [14.0, 24.0 + wave(pose.clock.turns(1.4)) * 24.0],
            ..rest
        },
        Action::Rise => Joints { shoulders: [150.0, 158.0], elbows: [16.0, 12.0], ..rest },
        Action::Look => Joints { nod: -5.0 + breath * 2.0, ..rest },
        Action::Still => rest,
    };
    match role.figure {
        Figure::Elder => {
            joints.lean += 9.0;
            joints.shoulders[1] = joints.shoulders[1].max(16.0);
        }
        Figure::Knight | Figure::Wizard if matches!(role.action, Action::Still | Action::Look) => {
            joints.shoulders[1] = 30.0;
            joints.elbows[1] = 62.0;
        }
        _ => {}
    }
    joints
}

/// A gait: thighs swing like pendulums, knees bend while their leg swings forward.
fn stride(turns: f32, reach: f32, bend: f32, arms: f32, elbow: f32, lean: f32) -> Joints {
    let leg = |offset: f32| {
        let (swing, forward) = (wave(turns + offset), wave(turns + offset + 0.25));
        (
            swing * reach + reach * 0.12,
            5.0 + bend * forward.max(0.0).powf(1.3) + bend * 0.08 * (1.0 - swing),
        )
    };
    let (far, near) = (leg(0.5), leg(0.0));
    Joints {
        lean,
        nod: 0.0,
        thighs: [far.0, near.0],
        knees: [far.1, near.1],
        shoulders: [wave(turns) * arms, -wave(turns) * arms],
        elbows: [elbow + wave(turns) * 8.0, elbow - wave(turns) * 8.0],
        lift: 0.0,
    }
}

fn dance(pose: &Pose) -> Joints {
    let (beat, sway) = (wave(pose.turns), wave(pose.turns * 0.5));
    Joints {
        lean: sway * 8.0,
        nod: -sway * 6.0,
        thighs: [-10.0 - sway * 18.0, 16.0 + sway * 40.0],
        knees: [12.0 + 10.0 * beat.abs(), 22.0 + 36.0 * (1.0 - sway.abs())],
        shoulders: [120.0 + beat * 26.0, 96.0 - sway * 62.0],
        elbows: [34.0 - beat * 14.0, 28.0 + beat * 18.0],
        lift: 0.0,
    }
}
