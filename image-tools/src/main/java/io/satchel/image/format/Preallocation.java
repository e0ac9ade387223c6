package io.satchel.image.format;

import io.satchel.image.block.Watch;
import io.satchel.image.file.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Locale;
import java.util.Map;

/** How much of a new image gets its place on the host's disk at once. */
public enum Preallocation {
  OFF,
  /** The tables only. */
  METADATA,
  /** The host reserves the space. */
  FALLOC,
  /** Zeros are written. */
  FULL;

  /** The mode that the options ask for. */
  public static Preallocation of(Storage file, Map<String, String> options) throws IOException {
    String name = options.getOrDefault("preallocation", "off");
    for (Preallocation mode : values()) {
      if (mode.name().toLowerCase(Locale.ROOT).equals(name)) {
        return mode;
      }
    }
    throw OptionReader.impossible(file.name(), "cannot be preallocated in the way " + name);
  }

  /** Reserves or fills the holes of a range; what is data stays. */
  public void apply(Storage file, long from, long to) throws IOException {
    apply(file, from, to, Watch.NONE);
  }

  /** The same, heard of by a watch. */
  public void apply(Storage file, long from, long to, Watch watch) throws IOException {
    if (this == FALLOC && file.reserve(from, to - from) || this == OFF || this == METADATA) {
      return;
    }
    for (long at = from; at < to; ) {
      var extent = file.extent(at, to - at);
      if (extent.kind() != io.satchel.image.block.BlockDevice.Kind.DATA) {
        ByteBuffer zeros = ByteBuffer.allocate((int) Math.min(extent.length(), 1 << 20));
        for (long done = 0; done < extent.length(); done += zeros.limit()) {
          zeros.clear().limit((int) Math.min(zeros.capacity(), extent.length() - done));
          watch.at(at + done - from, to - from);
          file.write(at + done, zeros);
        }
      }
      at += extent.length();
    }
    watch.at(to - from, to - from);
  }
}
