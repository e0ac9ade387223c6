package io.satchel.image.format;

import io.satchel.image.block.ImageException;
import io.satchel.image.block.Watch;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Goes through a table of blocks: each must lie inside the file, and no two in one place. */
final class BlockCheck {
  private static final int MAX_MESSAGES = 100;

  private final BlockTableDevice device;
  private final List<String> messages = new ArrayList<>();
  private int corruptions;
  private long[] places = new long[64];
  private int count;
  private long fragmented;

  BlockCheck(BlockTableDevice device) {
    this.device = device;
  }

  private void error(String message) {
    corruptions++;
    if (messages.size() < MAX_MESSAGES) {
      messages.add("ERROR " + message);
    }
  }

  /** The end of the last block; 0 when there is none. */
  private long highest() {
    long highest = 0;
    for (int i = 0; i < count; i++) {
      highest = Math.max(highest, places[i] + device.blockSize);
    }
    return highest;
  }

  CheckReport run(boolean leaks, boolean errors, Watch watch) throws IOException {
    long blocks = Math.ceilDiv(device.size(), device.blockSize);
    long fileSize = device.file.size();
    long last = 0;
    for (long block = 0; block < blocks; block++) {
      if (block % 1024 == 0) {
        watch.at(block * device.blockSize, blocks * device.blockSize);
      }
      if (device.startsTable(block)) {
        last = 0;
      }
      long place;
      try {
        place = device.locate(block);
      } catch (ImageException e) {
        error("block " + block + ": " + e.problem());
        continue;
      }
      if (place < 0) {
        last = device.holesEndRuns() ? 0 : last;
        continue;
      }
      long end = device.blocksAreWhole() ? place + device.blockSize : place + 1;
      if (end > fileSize) {
        error("block " + block + " points after end of file");
      }
      if (last != 0 && last + device.blockSize != place) {
        fragmented++;
      }
      last = place;
      if (count == places.length) {
        places = Arrays.copyOf(places, count * 2);
      }
      places[count++] = place;
    }
    watch.at(blocks * device.blockSize, blocks * device.blockSize);
    Arrays.sort(places, 0, count);
    int inFile = 0;
    for (int i = 0; i < count; i++) {
      inFile += places[i] < fileSize ? 1 : 0;
      if (i > 0 && places[i] < places[i - 1] + device.blockSize) {
        error("two blocks share the place " + places[i]);
      }
    }
    int corrupt = corruptions;
    int fixed = 0;
    if (device.dirty() && device.trimsLeaks()) {
      messages.add((errors ? "Repairing" : "ERROR") + " image was not closed correctly");
      fixed = errors ? 1 : 0;
      if (errors) {
        device.clearDirty();
      }
      corrupt += errors ? 0 : 1;
    }
    long leaked = Math.max(0, device.leakedBlocks(inFile, highest()));
    int leaksFixed = 0;
    if (leaked > 0 && device.trimsLeaks()) {
      messages.add(
          (leaks ? "Repairing" : "ERROR")
              + " space leaked at the end of the image "
              + (fileSize - device.checkedEnd(highest())));
      if (leaks) {
        device.file.setSize(device.checkedEnd(highest()));
        leaksFixed = (int) leaked;
        leaked = 0;
      }
    }
    boolean counts = device.checkCounts();
    return new CheckReport(
        corrupt,
        (int) Math.min(leaked, Integer.MAX_VALUE),
        fixed,
        leaksFixed,
        0,
        device.checkedEnd(highest()),
        counts ? blocks : 0,
        counts ? count : 0,
        counts ? fragmented : 0,
        0,
        messages);
  }
}
