"""An invented guide of a ferry company, with a page for each kind of question."""

from __future__ import annotations

STAFF = """# Staff handbook

[Home](index.md) > Staff

Created by Runa Solberg, last modified on 3 March 2024

- [Uniforms](#uniforms)
- [Expenses](#expenses)

## Uniforms

Deckhands wear an orange jacket. It belongs to the company. Our vans are white.

[Edit this page](https://forge.example/ferry/staff.md)

## Expenses

See [Claims](money.md#claims).

## Overnight stays

Rooms are described in [Rooms for crews](https://intranet.example/rooms).

## Sick leave

Tell your captain before your shift. You keep your pay for twelve days a year.

## Life jackets

Every deckhand wears a life jacket on deck. This also holds in the harbour. Cooks are exempt while
they are in the galley.

## Guests

Guests of the crew come on board with a pass. These are the passes:

### Day pass

It ends at sunset.

## Alcohol

Nobody drinks alcohol on board. Anyone who does is sent home without pay.

[Back to top](#staff-handbook)
"""

MONEY = """# Money

## Claims

Send the receipt to the purser within thirty days. The purser pays it with the next salary.

## Allowances

Meals are paid up to 40 crowns a day.

## Tickets

| Ticket | Price | Valid |
| --- | --- | --- |
| Single | 12 crowns | 1 day |
| Weekly | 55 crowns | 7 days |
| Family | 30 crowns | 2 days |
| Season | 1,200 crowns | 180 days |

## Discounts

| Passengers | Discount |
| --- | --- |
| up to 9 | none |
| 10 to 24 | 8 % |
| 25 or more | 15 % |

## Cargo

Cargo is charged by class:

- Bulk cargo costs 90 crowns a tonne.
- Cooled cargo costs 210 crowns a tonne.
- Livestock costs 140 crowns a tonne.

## Boats for hire

### Dinghy

A dinghy carries 4 people and costs 25 crowns an hour.

### Launch

A launch carries 12 people and costs 80 crowns an hour.

### Barge

A barge carries 60 people and costs 70 crowns an hour.
"""

ENGINE = """# Engine room

## Starting the main engine

Two people are needed to start the main engine.

### 1. Open the sea valve

Turn the red wheel to the left. Wait for the water.

### 2. Prime the fuel pump

Press the lever ten times.

### 3. Turn the key

Hold it for three seconds.

## Stopping the main engine

Turn the key back. Close the sea valve.

- The main engine is not started in the harbour at night.
- Start the auxiliary engine first.

## What does the engineer do?

The engineer keeps the engines running and logs the fuel.

## The crew

- The engineer reports what to do to the captain.
- The engineer and the captain do the rounds at noon.

## Alarms

| Alarm | Meaning | Approved by |
| --- | --- | --- |
| A-17 | The oil is too hot. | Runa Solberg |
| A-18 | The bilge is full. | Odd Berge |
| A-170 | The fuel filter is blocked. | Runa Solberg |

## Alarms that come together

| First alarm | Second alarm | Cause |
| --- | --- | --- |
| A-18 | A-31 | The hull leaks. |
| A-31 | A-17 | The cooler is off. |

Alarm A-17 is often discussed. Ask about A-17, A-18 and A-31 in the training.

## Codes of the pump

| Code | Meaning |
| --- | --- |
| 1 | The pump runs dry. |
| 2 | The pump is jammed. |

## sail_plan

Sets the sails for a voyage of several days.

## Settings of the sails

The mate changes `sail_plan` before a voyage. A wrong `sail_plan` tears the sails.

## Options of the autopilot

- `--hold`: keeps the course.
- `--drift`: follows the current. Not together with `--hold`.

## Safety valves

| Valve | Setting |
| --- | --- |
| Boiler valve | Opens at 6 bar. |
| Cooling valve | Opens at 2 bar. |
"""

CHANGES = """# Change log of the booking program

## 2.3.0 (2024-05-02)

- Added group tickets.
- Removed the fax printer.

## 2.2.1 (2024-02-11)

- Mended the clock of the ticket machine.

## 2.2.0 (2023-11-20)

- Added the seat map.
"""

READING = """# Reading list

## Navigation

- [Stars above the strait](https://books.example/stars) by Ilse Brandt (12 min)
- [Currents for captains](https://www.youtube.com/watch?v=cur) (25 min)
- [Know your charts](https://charts.example/know)

## Forms

- [Accident report](https://docs.google.com/forms/d/accident)
- [Sign-up for first aid](https://docs.google.com/forms/d/firstaid)

## Feedback

Leave feedback on the timetable [in the comment box](https://box.example/timetable).
"""

COMPASS = """# Navigation

The captain steers by the compass and checks the course with two landmarks every hour.

## Further reading

- [Steering without stars](https://charts.example/steering) by Jon Vik (7 min)
"""

PAGES = {
    "staff.md": STAFF,
    "money.md": MONEY,
    "engine.md": ENGINE,
    "changes.md": CHANGES,
    "reading.md": READING,
    "navigation.md": COMPASS,
}
