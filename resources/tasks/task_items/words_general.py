"""Words of general English: common in books and news."""

from task_items.lexicon import Lexicon, columns, lines, nouns, verbs

GENERAL = Lexicon(
    male_names=tuple("David Michael Robert James Thomas Daniel Peter Paul Mark Steven".split()),
    female_names=tuple("Mary Susan Linda Sarah Karen Laura Anna Julia Emma Helen".split()),
    males=nouns(
        "man/men boy/boys king/kings prince/princes brother/brothers father/fathers uncle/uncles "
        "husband/husbands"
    ),
    females=nouns(
        "woman/women girl/girls queen/queens princess/princesses sister/sisters mother/mothers "
        "aunt/aunts wife/wives"
    ),
    beings=nouns(
        "doctor/doctors lawyer/lawyers teacher/teachers student/students manager/managers "
        "farmer/farmers engineer/engineers artist/artists driver/drivers nurse/nurses "
        "journalist/journalists soldier/soldiers singer/singers neighbor/neighbors writer/writers "
        "child/children customer/customers guest/guests officer/officers man/men woman/women"
    ),
    things=nouns(
        "book/books letter/letters bottle/bottles chair/chairs camera/cameras box/boxes "
        "ticket/tickets newspaper/newspapers map/maps knife/knives jacket/jackets phone/phones "
        "painting/paintings key/keys bag/bags computer/computers"
    ),
    landmarks=nouns(
        "tree/trees house/houses bridge/bridges church/churches gate/gates shop/shops "
        "window/windows door/doors wall/walls table/tables building/buildings statue/statues"
    ),
    countable=tuple(
        "books letters chairs tickets bottles apples flowers computers coins boxes".split()
    ),
    uncountable=tuple("water money furniture bread rice equipment food coffee sand sugar".split()),
    being_adjectives=tuple(
        "tired busy young old famous quiet angry nervous friendly clever rich polite".split()
    ),
    thing_adjectives=tuple("old new large small heavy black expensive beautiful cheap red".split()),
    comparisons=columns(
        """tall / taller
        old / older
        young / younger
        strong / stronger
        rich / richer
        fast / faster
        happy / happier
        smart / smarter
        short / shorter
        busy / busier"""
    ),
    intransitives=verbs(
        """sleep slept slept sleeping
        smile smiled smiled smiling
        laugh laughed laughed laughing
        complain complained complained complaining
        swim swam swum swimming
        arrive arrived arrived arriving
        talk talked talked talking
        wait waited waited waiting
        disappear disappeared disappeared disappearing
        listen listened listened listening"""
    ),
    encounters=tuple("saw liked helped followed admired visited called knew".split()),
    handlings=tuple("found made took brought wanted liked bought repaired carried needed".split()),
    irregulars=verbs(
        """eat ate eaten eating: the bread, the soup
        break broke broken breaking: the window, the rules
        take took taken taking: the train, the money
        see saw seen seeing: the film, the report
        hide hid hidden hiding: the key, the letter
        draw drew drawn drawing: the map, the line
        throw threw thrown throwing: the stone, the ball
        write wrote written writing: the letter, the report
        wear wore worn wearing: the coat, the uniform
        drive drove driven driving: the truck, the car
        choose chose chosen choosing: the color, the winner
        steal stole stolen stealing: the money, the painting
        give gave given giving: the speech, the answer
        grow grew grown growing: the tomatoes, the corn
        shake shook shaken shaking: the bottle, the box"""
    ),
    knowing=tuple("knew remembered forgot realized learned understood".split()),
    infinitive_verbs=tuple("wanted decided hoped agreed promised refused managed".split()),
    gerund_verbs=tuple("enjoyed finished kept avoided practiced suggested".split()),
    activities=columns(
        """clean the house / cleaning the house
        read the report / reading the report
        paint the fence / painting the fence
        write the letters / writing the letters
        cook dinner / cooking dinner
        wash the car / washing the car
        play the piano / playing the piano
        build a wall / building a wall
        study French / studying French
        answer the questions / answering the questions"""
    ),
    reflexive_phrases=lines(
        """saw {} in the mirror
        looked at {} in the photograph
        introduced {} to the guests
        blamed {} for the mistake
        was proud of {}
        talked to {} at night
        hurt {} in the kitchen
        poured {} a cup of tea
        bought {} a new coat
        cut {} with a knife
        taught {} to swim
        described {} in the letter"""
    ),
    locations=lines(
        """in the garden
        at the station
        in the street
        near the river
        in the kitchen
        at the office
        in the library
        at the airport
        in the village
        near the church"""
    ),
    goals=lines(
        """to the station
        to the office
        to the airport
        into the garden
        into the kitchen
        to the library
        across the bridge
        through the village
        to the hospital
        up the stairs"""
    ),
    habits=columns(
        """works / work / every day
        sleeps / sleep / until noon
        complains / complain / all the time
        lives / live / in the village
        likes / like / to dance
        wants / want / to leave
        needs / need / a new car
        has / have / a good idea
        knows / know / the answer
        looks / look / tired
        arrives / arrive / late every morning
        talks / talk / too much"""
    ),
)
