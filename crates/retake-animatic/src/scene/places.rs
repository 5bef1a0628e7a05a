//! The places a shot can play in: each builds its stage, back to front.

mod beyond;
mod country;
mod rooms;
mod shore;
mod town;

use super::live::Live;
use super::view::INFINITY;
use crate::stage::{Layer, Stage};
use crate::storyboard::Place;

/// Builds the place of the shot.
pub(crate) fn build(stage: &mut Stage) {
    match stage.setting.shot.place {
        Place::Meadow => country::meadow(stage),
        Place::Forest | Place::Jungle => country::forest(stage),
        Place::Mountain => country::mountain(stage),
        Place::Desert => country::desert(stage),
        Place::Snowfield => country::snowfield(stage),
        Place::Road => country::road(stage),
        Place::Village | Place::Castle => town::village(stage),
        Place::Beach | Place::Ocean | Place::Lake | Place::River | Place::Waterfall => {
            shore::water(stage);
        }
        Place::Street => town::street(stage),
        Place::Skyline => town::skyline(stage),
        Place::Stadium => town::stadium(stage),
        Place::Underwater => beyond::underwater(stage),
        Place::Space => beyond::space(stage),
        Place::Planet => beyond::planet(stage),
        Place::Sky => beyond::sky(stage),
        Place::Cave => beyond::cave(stage),
        Place::Stage => rooms::stage(stage),
        Place::Studio => rooms::studio(stage),
        Place::Corridor => rooms::corridor(stage),
        Place::Kitchen
        | Place::Bedroom
        | Place::Living
        | Place::Office
        | Place::Library
        | Place::Classroom
        | Place::Cafe
        | Place::Factory
        | Place::Lab => rooms::room(stage),
    }
    let setting = &stage.setting;
    if !setting.light.indoor && setting.shot.caption.to_lowercase().contains("firework") {
        stage.put(INFINITY, Layer::Live(Live::Fireworks));
    }
}
