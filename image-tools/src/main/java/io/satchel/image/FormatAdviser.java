package io.satchel.image;

import java.util.Map;

/** Says which format suits a new disk, and why. */
public final class FormatAdviser {
  /** What VDI, VHD and the tables of qcow2 with small clusters are comfortable with. */
  private static final long LARGE = 2L << 40;

  private static final long VHD_LIMIT = 2040L << 30;

  private FormatAdviser() {}

  /** What a disk is for. */
  public enum Use {
    /** A guest that one works in. */
    DESKTOP,
    /** Many small writes that must be safe. */
    DATABASE,
    /** States that one goes back to. */
    SNAPSHOTS,
    /** Another program, such as Hyper-V or VirtualBox, is to use it as well. */
    EXCHANGE
  }

  /**
   * What to create.
   *
   * @param options by qemu-img's names
   * @param reason a sentence for a person
   */
  public record Advice(String format, Map<String, String> options, String reason) {}

  /**
   * The options for a disk of that size to work in, in a format that has been chosen already.
   *
   * @param format by qemu-img's names
   */
  public static Map<String, String> options(String format, long size) {
    Advice advice = advise(Use.DESKTOP, size);
    return advice.format().equals(format) ? advice.options() : Map.of();
  }

  /** What suits a disk of {@code size} bytes. */
  public static Advice advise(Use use, long size) {
    boolean large = size > LARGE;
    return switch (use) {
      case DESKTOP ->
          large
              ? new Advice(
                  "qcow2",
                  Map.of("cluster_size", "2M"),
                  "A qcow2 image grows as it is filled; with clusters of 2 MB its tables stay"
                      + " small on a disk of more than 2 TB.")
              : new Advice(
                  "qcow2",
                  Map.of(),
                  "A qcow2 image grows as it is filled, shrinks again, and can take snapshots.");
      case DATABASE ->
          new Advice(
              "raw",
              large ? Map.of() : Map.of("preallocation", "falloc"),
              large
                  ? "A raw image has no tables that a crash could harm or that cost time; it is"
                      + " left with holes because it is larger than 2 TB."
                  : "A raw image has no tables that a crash could harm or that cost time; its"
                      + " space is reserved, so that the host cannot run out of it.");
      case SNAPSHOTS ->
          new Advice(
              "qcow2",
              large
                  ? Map.of("cluster_size", "2M")
                  : Map.of("extended_l2", "on", "cluster_size", "128k"),
              large
                  ? "Only qcow2 keeps snapshots inside; with clusters of 2 MB their tables stay"
                      + " small on a disk of more than 2 TB."
                  : "Only qcow2 keeps snapshots inside; with subclusters of 4 KB a write after a"
                      + " snapshot copies little.");
      case EXCHANGE ->
          size > VHD_LIMIT
              ? new Advice(
                  "vhdx",
                  Map.of(),
                  "VHDX is read by Hyper-V and VirtualBox and reaches 64 TB, where VHD ends at"
                      + " 2 TB.")
              : new Advice(
                  "vpc",
                  Map.of(),
                  "VHD is read by Hyper-V, VirtualBox and VMware's converter; it ends at 2 TB.");
    };
  }
}
