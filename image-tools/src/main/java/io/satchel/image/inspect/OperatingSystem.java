package io.satchel.image.inspect;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * An operating system that was found on a disk.
 *
 * @param name as a person says it: Windows XP Professional SP3
 * @param version its own number, or null
 * @param architecture 16-bit, 32-bit, 64-bit or a processor's name, or null when that is not known
 * @param preset the machine that fits, by its identifier
 * @param partition the partition that holds it, 0 when the disk has none
 * @param facts what else was found: hal, kernel, fstab, boot-drivers and so on
 */
public record OperatingSystem(
    String name,
    @Nullable String version,
    @Nullable String architecture,
    String preset,
    int partition,
    Map<String, List<String>> facts) {
  public OperatingSystem {
    facts = Map.copyOf(facts);
  }
}
