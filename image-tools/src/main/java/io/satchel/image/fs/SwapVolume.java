package io.satchel.image.fs;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.file.FixedText;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Linux swap space (mkswap(8)): all but its first page is free while the system is shut down. */
record SwapVolume(String label, long size, boolean hibernated) implements Volume {
  private static final int PAGE = 4096;

  static @Nullable Volume probe(BlockDevice disk, long start, long length) throws IOException {
    ByteBuffer page = Volume.read(disk, start, PAGE);
    byte[] magic = new byte[10];
    page.get(PAGE - 10, magic);
    String text = new String(magic, StandardCharsets.ISO_8859_1);
    boolean hibernated = text.startsWith("S1SUSPEND") || text.startsWith("LINHIB");
    if (!text.equals("SWAPSPACE2") && !hibernated) {
      return null;
    }
    long pages = (page.getInt(1028) & 0xffffffffL) + 1;
    return new SwapVolume(
        FixedText.get(page, 1052, 16, StandardCharsets.UTF_8),
        Math.min(length, pages * PAGE),
        hibernated);
  }

  @Override
  public String kind() {
    return "swap";
  }

  @Override
  public @Nullable String unsafe() {
    return hibernated ? "holds a hibernated system" : null;
  }

  @Override
  public boolean counts() {
    return false;
  }

  @Override
  public void forEachFree(Range visitor) throws IOException {
    if (size >= 2 * PAGE) {
      visitor.at(PAGE, size / PAGE * PAGE - PAGE);
    }
  }
}
