package io.satchel.app.preset;

import io.satchel.resources.Texts;
import io.satchel.vm.api.MachineConfig.BootDevice;
import io.satchel.vm.api.MachineConfig.Speed;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The hardware that suits a system, from {@code presets/ID.json} of the resources.
 *
 * @param version of this form
 * @param id as machines' files name it
 * @param name for a person, by language: {@code en} and {@code zh}
 * @param years when people used it
 * @param memoryMib what suits it
 * @param memoryMaxMib what it is known to take
 * @param processor a name that the engine knows
 * @param diskGb the size of a new disk that suits it
 * @param diskMaxGb the largest disk that it can use
 * @param bootOrder where a new machine looks first once it is installed
 * @param speed what its processors are held to, for programs that would run too fast
 * @param wants what it would use beside that; the engine has none of it yet
 * @param advice a sentence for who sets it up, by language
 */
public record Preset(
    int version,
    String id,
    Map<String, String> name,
    String years,
    int memoryMib,
    int memoryMaxMib,
    String processor,
    double diskGb,
    double diskMaxGb,
    List<BootDevice> bootOrder,
    Speed speed,
    Wants wants,
    Map<String, String> advice) {

  /** The newest form that is understood. */
  public static final int VERSION = 1;

  /**
   * Hardware beside processor, memory and disk.
   *
   * @param disk the bus that its drivers know
   * @param acpi whether it is installed with ACPI; never to be changed afterwards
   */
  public record Wants(
      String disk, boolean acpi, String network, String sound, String video, String pointer) {}

  public Preset {
    name = Map.copyOf(name);
    advice = Map.copyOf(advice);
    bootOrder = List.copyOf(bootOrder);
    speed = speedOrFull(speed);
  }

  /** Hardly any preset says one. */
  private static Speed speedOrFull(@Nullable Speed given) {
    return given == null ? Speed.FULL : given;
  }

  /** What it is called in the reader's language. */
  public String title(Texts texts) {
    return in(name, texts);
  }

  /** What to know about it, in the reader's language. */
  public String hint(Texts texts) {
    return in(advice, texts);
  }

  private static String in(Map<String, String> languages, Texts texts) {
    String english = languages.getOrDefault("en", "");
    return texts.chinese() ? languages.getOrDefault("zh", english) : english;
  }
}
