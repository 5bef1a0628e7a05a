//! The words a storyboard is written in: where, when, from where, who, doing what.
//!
//! Every term is an enum whose variants carry the word that the vocabulary file uses for them, so
//! that the file and the code cannot drift apart unnoticed: a test pairs them.

macro_rules! terms {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "the word beside each variant says it")]
        pub enum $name { $($variant),+ }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word the vocabulary and the slate use.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The value that goes by this word.
            pub fn named(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.word() == word)
            }
        }
    };
}

terms! {
    /// How the camera moves during a shot.
    Move {
        Static = "static", PanLeft = "pan left", PanRight = "pan right", TiltUp = "tilt up",
        TiltDown = "tilt down", ZoomIn = "zoom in", ZoomOut = "zoom out", DollyIn = "dolly in",
        DollyOut = "dolly out", Track = "track", Orbit = "orbit", CraneUp = "crane up",
        CraneDown = "crane down", Handheld = "handheld", Aerial = "aerial", Whip = "whip",
    }
}

terms! {
    /// How much of the subject the frame holds.
    Framing {
        ExtremeWide = "extreme wide", Wide = "wide", Medium = "medium", Close = "close",
        ExtremeClose = "extreme close",
    }
}

terms! {
    /// Where the camera stands in relation to the subject.
    Angle {
        Level = "level", Low = "low", High = "high", Top = "top", Shoulder = "shoulder",
        Pov = "pov",
    }
}

terms! {
    /// What the light says about the hour.
    Hour {
        Dawn = "dawn", Morning = "morning", Day = "day", Golden = "golden", Sunset = "sunset",
        Dusk = "dusk", Night = "night", Moonlit = "moonlit",
    }
}

terms! {
    /// What the sky does.
    Weather {
        Clear = "clear", Cloudy = "cloudy", Rain = "rain", Snow = "snow", Fog = "fog",
        Storm = "storm", Wind = "wind",
    }
}

terms! {
    /// Where a shot plays.
    Place {
        Meadow = "meadow", Forest = "forest", Jungle = "jungle", Mountain = "mountain",
        Desert = "desert", Beach = "beach", Ocean = "ocean", Underwater = "underwater",
        Street = "street", Skyline = "skyline", Village = "village", Kitchen = "kitchen",
        Bedroom = "bedroom", Living = "living", Office = "office", Library = "library",
        Classroom = "classroom", Cafe = "cafe", Studio = "studio", Space = "space",
        Planet = "planet", Road = "road", Snowfield = "snowfield", River = "river", Lake = "lake",
        Waterfall = "waterfall", Stage = "stage", Stadium = "stadium", Factory = "factory",
        Lab = "lab", Corridor = "corridor", Castle = "castle", Sky = "sky", Cave = "cave",
    }
}

terms! {
    /// The grade over the whole picture.
    Look {
        Natural = "natural", Cinematic = "cinematic", Noir = "noir", Sepia = "sepia",
        Anime = "anime", Watercolor = "watercolor", Cyberpunk = "cyberpunk", Neon = "neon",
        Pastel = "pastel", Moody = "moody", Vivid = "vivid",
    }
}

terms! {
    /// What a subject does.
    Action {
        Still = "still", Look = "look", Walk = "walk", Run = "run", Fly = "fly", Swim = "swim",
        Drive = "drive", Dance = "dance", Sit = "sit", Lie = "lie", Fall = "fall", Spin = "spin",
        Jump = "jump", Float = "float", Work = "work", Read = "read", Play = "play", Wave = "wave", Rise = "rise",
    }
}

terms! {
    /// What a person wears, when the prompt says so.
    Garment { Dress = "dress", Coat = "coat", Suit = "suit", Hat = "hat" }
}

terms! {
    /// Which way a subject heads.
    Heading { Left = "left", Right = "right", Toward = "toward", Away = "away" }
}

terms! {
    /// How one shot gives way to the next.
    Transition { Cut = "cut", Dissolve = "dissolve" }
}

terms! {
    /// Who or what a shot is about.
    Figure {
        Man = "man", Woman = "woman", Person = "person", Child = "child", Elder = "elder",
        Dancer = "dancer", Chef = "chef", Astronaut = "astronaut", Knight = "knight",
        Wizard = "wizard", Scientist = "scientist", Diver = "diver", Robot = "robot",
        Alien = "alien",
        Dog = "dog", Cat = "cat", Horse = "horse", Lion = "lion", Tiger = "tiger", Bear = "bear",
        Panda = "panda", Wolf = "wolf", Fox = "fox", Deer = "deer", Rabbit = "rabbit",
        Elephant = "elephant", Giraffe = "giraffe", Camel = "camel", Cow = "cow", Sheep = "sheep",
        Pig = "pig", Monkey = "monkey", Dinosaur = "dinosaur", Turtle = "turtle", Frog = "frog",
        Snake = "snake", Bird = "bird", Eagle = "eagle", Owl = "owl", Penguin = "penguin",
        Duck = "duck", Heron = "heron", Chicken = "chicken", Fish = "fish", Whale = "whale",
        Shark = "shark", Dolphin = "dolphin", Jellyfish = "jellyfish", Octopus = "octopus",
        Butterfly = "butterfly", Bee = "bee", Dragon = "dragon",
        Car = "car", SportsCar = "sports car", Truck = "truck", Bus = "bus", Train = "train",
        Bicycle = "bicycle", Motorcycle = "motorcycle", Sailboat = "sailboat", Ship = "ship",
        Boat = "boat", Plane = "plane", Helicopter = "helicopter", Rocket = "rocket",
        Spaceship = "spaceship", Drone = "drone", HotAirBalloon = "hot air balloon",
        Cup = "cup", Glass = "glass", Book = "book", Phone = "phone", Laptop = "laptop",
        Bottle = "bottle", Sneaker = "sneaker", Watch = "watch", Ring = "ring",
        Crystal = "crystal", Headphones = "headphones", CameraProp = "camera prop",
        Flower = "flower", Tree = "tree", Lantern = "lantern", Candle = "candle",
        Campfire = "campfire", Balloon = "balloon", House = "house", Lighthouse = "lighthouse",
        Tent = "tent", Cake = "cake", Bowl = "bowl", Pizza = "pizza", Burger = "burger",
        Fruit = "fruit", Guitar = "guitar", Piano = "piano", Drum = "drum", Ball = "ball",
        Clock = "clock", Umbrella = "umbrella", Chair = "chair", Gift = "gift", Sword = "sword",
        Key = "key", Statue = "statue", Snowman = "snowman", Skull = "skull", Planet = "planet",
        Leaf = "leaf", Door = "door", Feast = "feast",
        Thing = "thing",
    }
}

terms! {
    /// The broad kind a figure belongs to; it decides size, home and ways of moving.
    Family { Human = "human", Animal = "animal", Vehicle = "vehicle", Object = "object" }
}

impl Figure {
    /// The broad kind this figure belongs to.
    pub fn family(self) -> Family {
        if self <= Self::Alien {
            Family::Human
        } else if self <= Self::Dragon {
            Family::Animal
        } else if self <= Self::HotAirBalloon {
            Family::Vehicle
        } else {
            Family::Object
        }
    }

    /// Whether the figure is at home in the air.
    pub fn flies(self) -> bool {
        matches!(
            self,
            Self::Bird
                | Self::Eagle
                | Self::Owl
                | Self::Butterfly
                | Self::Bee
                | Self::Dragon
                | Self::Plane
                | Self::Helicopter
                | Self::Rocket
                | Self::Spaceship
                | Self::Drone
                | Self::HotAirBalloon
                | Self::Balloon
                | Self::Planet
        )
    }

    /// Whether the figure lives in water.
    pub fn swims(self) -> bool {
        matches!(
            self,
            Self::Fish
                | Self::Whale
                | Self::Shark
                | Self::Dolphin
                | Self::Jellyfish
                | Self::Octopus
                | Self::Turtle
                | Self::Diver
        )
    }

    /// Whether the figure rides on the surface of water.
    pub fn sails(self) -> bool {
        matches!(self, Self::Sailboat | Self::Ship | Self::Boat | Self::Duck)
    }
}
