"""Words of simple children's stories; all occur in pocket-gpt2's corpus."""

from task_items.lexicon import Lexicon, columns, lines, nouns, verbs

SIMPLE = Lexicon(
    male_names=tuple("Tim Tom Max Ben Jack Sam Bob Billy".split()),
    female_names=tuple("Lily Sue Mia Lucy Sally Sarah Amy Jane".split()),
    males=nouns("boy/boys king/kings brother/brothers dad/dads"),
    females=nouns("girl/girls queen/queens sister/sisters mom/moms"),
    beings=nouns(
        "boy/boys girl/girls dog/dogs cat/cats bird/birds rabbit/rabbits frog/frogs bear/bears "
        "lion/lions duck/ducks mouse/mice clown/clowns child/children monkey/monkeys "
        "squirrel/squirrels horse/horses puppy/puppies"
    ),
    things=nouns(
        "ball/balls book/books box/boxes hat/hats toy/toys doll/dolls car/cars balloon/balloons "
        "flower/flowers kite/kites stick/sticks cup/cups bag/bags stone/stones coin/coins"
    ),
    landmarks=nouns(
        "tree/trees house/houses rock/rocks box/boxes car/cars bush/bushes boat/boats "
        "swing/swings table/tables flower/flowers"
    ),
    countable=tuple("toys apples cookies balls books friends flowers carrots".split()),
    uncountable=tuple("water food milk sugar money juice bread honey".split()),
    being_adjectives=tuple("big little happy sad small hungry tired brave kind funny".split()),
    thing_adjectives=tuple("big red small new old blue pretty shiny".split()),
    comparisons=columns(
        """tall / taller
        big / bigger
        small / smaller
        fast / faster
        strong / stronger
        happy / happier
        old / older
        loud / louder"""
    ),
    intransitives=verbs(
        """sleep slept slept sleeping
        smile smiled smiled smiling
        laugh laughed laughed laughing
        cry cried cried crying
        fall fell fallen falling
        sneeze sneezed sneezed sneezing
        talk talked talked talking
        wait waited waited waiting
        listen listened listened listening"""
    ),
    encounters=tuple("saw liked helped followed loved found".split()),
    handlings=tuple("found made took brought wanted liked bought fixed carried".split()),
    irregulars=verbs(
        """eat ate eaten eating: the cake, the apple
        break broke broken breaking: the cup, the toy
        take took taken taking: the ball, the candy
        see saw seen seeing: the bird, the rainbow
        hide hid hidden hiding: the key, the treasure
        draw drew drawn drawing: the house, the flower
        throw threw thrown throwing: the stone, the stick
        write wrote written writing: the letter, the story
        wear wore worn wearing: the hat, the dress
        fly flew flown flying: the kite, the plane
        tear tore torn tearing: the paper, the dress
        grow grew grown growing: the flowers, the carrots
        steal stole stolen stealing: the money, the cookies"""
    ),
    knowing=tuple("knew saw remembered forgot".split()),
    infinitive_verbs=tuple("wanted decided hoped agreed promised".split()),
    gerund_verbs=tuple("enjoyed finished kept practiced".split()),
    activities=columns(
        """sing a song / singing a song
        draw a picture / drawing a picture
        clean the room / cleaning the room
        read the book / reading the book
        play the game / playing the game
        paint the house / painting the house
        wash the car / washing the car
        build a tower / building a tower
        dig a hole / digging a hole
        eat the soup / eating the soup"""
    ),
    reflexive_phrases=lines(
        """saw {} in the mirror
        looked at {} in the water
        hurt {} in the park
        washed {} with soap
        was proud of {}
        talked to {} at night
        hid {} behind the tree
        dried {} with a towel
        made {} a sandwich
        bought {} a new toy"""
    ),
    locations=lines(
        """in the garden
        at the park
        in the forest
        near the pond
        in the kitchen
        under the tree
        at the beach
        in the house
        on the hill
        at the store"""
    ),
    goals=lines(
        """to the park
        to the store
        to the forest
        to the pond
        into the house
        into the water
        to the beach
        up the hill
        to the farm
        into the cave"""
    ),
    habits=columns(
        """likes / like / to play
        loves / love / to sing
        wants / want / to go home
        needs / need / a friend
        has / have / a new toy
        knows / know / a secret
        looks / look / happy
        feels / feel / sad
        goes / go / to the park every day
        lives / live / in the forest"""
    ),
)
