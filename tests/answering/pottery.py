"""An invented guide of a pottery workshop, with each kind of thing that is asked for."""

from __future__ import annotations

CLAYS = "Ochre Umber Slate Chalk Marl Loam Flint Amber Ivory Russet Cobalt Onyx".split()
TABLE = "\n".join(f"| {clay} | {900 + 17 * n} degrees |" for n, clay in enumerate(CLAYS))
POTTERY = f"""# The pottery workshop

The workshop teaches pottery to beginners. It stands behind the library.

## Centering clay on the wheel

Center the clay before you shape anything. Do this:

1. Wet your hands and the wheel head.
2. Throw the ball of clay onto the middle of the wheel.
3. Press down with your palms until the clay stops wobbling.

Beginners need some patience to learn it.

## Registering a kiln over the terminal

Register the kiln once, from the terminal of the workshop computer:

1. Start the kiln service.

   ```
   kiln start --port 9000
   ```

2. Register the serial number.

   ```
   kiln register 4711
   ```

3. Print the label and stick it on the kiln door.

## Cleaning the pug mill

1. Pull the plug of the pug mill.
2. Scrape the barrel with a wooden rib.

## Firing temperatures

Every clay is fired at a temperature of its own.

| Clay | Temperature |
| --- | --- |
{TABLE}

## Glaze

Glaze is a coat of glass that is melted onto the clay in the kiln. It makes a pot watertight.

Our shelf has these glazes:

- celadon
- tenmoku
- shino

## Slip

Slip is liquid clay that glues two pieces together. Stir it before you use it.

## Opening hours

The workshop opens at nine on weekdays and closes at six. It is closed on Sundays.

## Safety

Never look into a burning kiln without goggles. Dust of dry glaze is poisonous.

## Storage

Never look into a burning kiln without goggles. Shelves are on the left.

## Visitors

Visitors are welcome in the gallery. They pay an entrance fee at the desk.

## Styles of decoration

### Sgraffito

Sgraffito scratches a pattern through wet slip.

### Marbling

Marbling stirs two colours of clay together. It is never the same twice.
"""
