package io.satchel.app.machine;

import io.satchel.resources.Texts;
import io.satchel.vm.api.MachineConfig.Speed;
import io.satchel.vm.api.MachineState;
import io.satchel.vm.api.Meter.Exit;
import io.satchel.vm.api.Meter.Reading;
import io.satchel.vm.api.Meter.Use;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** Says in words what a meter has read: why a machine is as fast as it is. */
public final class MeterWords {

  /** A machine that rests for more than this much of the time is not slow, it has nothing to do. */
  private static final double MOSTLY = 0.6;

  /** A host that withholds more than this from a machine is what makes it slow. */
  private static final double BUSY = 0.3;

  /** Less of it than this, and being held is not what a person feels. */
  private static final double NOTICED = 0.05;

  /** Regions dropped in a second: code that is rewritten all the time. */
  private static final double REWRITING = 50;

  private MeterWords() {}

  /** One sentence. */
  public static String sentence(Texts texts, Reading reading, Speed speed, MachineState state) {
    if (state != MachineState.RUNNING || reading.nanos() == 0) {
      return texts.get("meter.say.paused");
    }
    return switch (cause(reading, speed)) {
      case HELD -> texts.get("meter.say.held", texts.get("speed." + speed.name()));
      case IDLE -> texts.get("meter.say.idle");
      case DISK -> texts.get("meter.say.disk");
      case HOST_BUSY -> texts.get("meter.say.busy", percent(withheld(reading)));
      case WARMING -> texts.get("meter.say.warming");
      case INTERPRETED ->
          reading.invalidated() * 1e9 / reading.nanos() > REWRITING
              ? texts.get("meter.say.rewriting")
              : texts.get("meter.say.interpreted");
      case TRANSLATED -> texts.get("meter.say.translated", number(millions(reading)));
    };
  }

  /** What most decides the speed. */
  private static Use cause(Reading reading, Speed speed) {
    List<Use> resting = List.of(Use.IDLE, Use.DISK, Use.HELD);
    double rest = resting.stream().mapToDouble(reading::share).sum();
    if (rest > MOSTLY) {
      return largest(reading, resting);
    }
    if (speed != Speed.FULL && reading.share(Use.HELD) > NOTICED) {
      return Use.HELD;
    }
    if (withheld(reading) > BUSY) {
      return Use.HOST_BUSY;
    }
    return largest(reading, List.of(Use.TRANSLATED, Use.WARMING, Use.INTERPRETED));
  }

  private static Use largest(Reading reading, List<Use> uses) {
    return uses.stream().max(Comparator.comparingDouble(reading::share)).orElseThrow();
  }

  /** How much of what the machine could have used the host did not give it. */
  private static double withheld(Reading reading) {
    double wanted = 1 - reading.share(Use.IDLE) - reading.share(Use.DISK) - reading.share(Use.HELD);
    return wanted <= 0 ? 0 : reading.share(Use.HOST_BUSY) / wanted;
  }

  /** What a share is of. */
  static String name(Texts texts, Use use) {
    return texts.get("meter.use." + use.name());
  }

  /** What made the machine leave translated code. */
  static String name(Texts texts, Exit cause) {
    return texts.get("meter.exit." + cause.name());
  }

  static String percent(double share) {
    return String.format(Locale.ROOT, "%.0f %%", 100 * share);
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, value < 10 ? "%.1f" : "%.0f", value);
  }

  private static double millions(Reading reading) {
    return reading.nanos() == 0 ? 0 : reading.instructions() * 1e3 / reading.nanos();
  }

  /** A name and a value for everything else that was read. */
  static List<String[]> figures(Texts texts, Reading reading) {
    List<String[]> figures = new ArrayList<>();
    double hit = reading.translated() / (double) Math.max(1, reading.instructions());
    long nanos = Math.max(1, reading.nanos());
    figures.add(figure(texts, "meter.instructions", number(millions(reading))));
    figures.add(figure(texts, "meter.hits", percent(Math.min(1, hit))));
    figures.add(figure(texts, "meter.regions", Long.toString(reading.regions())));
    figures.add(figure(texts, "meter.bytes", number(reading.bytes() / 1024.0)));
    figures.add(figure(texts, "meter.invalidated", Long.toString(reading.invalidated())));
    figures.add(
        figure(texts, "meter.compiling", percent(reading.compilingNanos() / (double) nanos)));
    figures.add(
        figure(texts, "meter.translating", percent(reading.translatingNanos() / (double) nanos)));
    return figures;
  }

  private static String[] figure(Texts texts, String key, String value) {
    return new String[] {texts.get(key), value};
  }

  /** All of it in lines. */
  public static List<String> lines(Texts texts, Reading reading, Speed speed, MachineState state) {
    List<String> lines = new ArrayList<>();
    lines.add(sentence(texts, reading, speed, state));
    for (Use use : Use.values()) {
      lines.add(name(texts, use) + ": " + percent(reading.share(use)));
    }
    figures(texts, reading).forEach(figure -> lines.add(figure[0] + ": " + figure[1]));
    lines.add(
        texts.get("meter.exits")
            + ": "
            + String.join(
                ", ",
                Arrays.stream(Exit.values())
                    .map(cause -> name(texts, cause) + " " + reading.exits(cause))
                    .toList()));
    return lines;
  }
}
