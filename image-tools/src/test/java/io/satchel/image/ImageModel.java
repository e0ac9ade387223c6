package io.satchel.image;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.block.BlockDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;

/** A disk as a plain byte array, which a format's disk is held against. */
public final class ImageModel {
  private final byte[] bytes;

  public ImageModel(int size) {
    bytes = new byte[size];
  }

  public byte[] bytes() {
    return bytes;
  }

  /** One random change, to the model and to the device. */
  public void change(Random random, BlockDevice device) throws IOException {
    int size = bytes.length;
    int kind = random.nextInt(10);
    int length =
        switch (random.nextInt(4)) {
          case 0 -> 1 + random.nextInt(600);
          case 1 -> 512 * (1 + random.nextInt(32));
          case 2 -> 1 + random.nextInt(Math.max(1, size / 8));
          default -> 4096;
        };
    int offset = random.nextInt(size);
    if (random.nextBoolean()) {
      offset = offset / 512 * 512;
    }
    length = Math.min(length, size - offset);
    if (kind < 6) {
      byte[] data = new byte[length];
      random.nextBytes(data);
      System.arraycopy(data, 0, bytes, offset, length);
      ByteBuffer source =
          random.nextBoolean()
              ? ByteBuffer.wrap(data)
              : ByteBuffer.allocateDirect(length).put(data).flip();
      device.write(offset, source);
      assertThat(source.hasRemaining()).isFalse();
    } else if (kind < 8) {
      Arrays.fill(bytes, offset, offset + length, (byte) 0);
      device.writeZeroes(offset, length, random.nextBoolean());
    } else if (kind == 8) {
      byte[] before = Arrays.copyOfRange(bytes, offset, offset + length);
      device.discard(offset, length);
      byte[] after = read(device, offset, length);
      for (int i = 0; i < length; i++) {
        assertThat(after[i] == 0 || after[i] == before[i]).as("discarded byte " + i).isTrue();
      }
      System.arraycopy(after, 0, bytes, offset, length);
    } else {
      device.flush();
    }
  }

  /** Compares the whole disk. */
  public void check(BlockDevice device) throws IOException {
    byte[] found = read(device, 0, bytes.length);
    int at = Arrays.mismatch(found, bytes);
    assertThat(at).as("first differing byte").isEqualTo(-1);
  }

  /** Compares a random piece. */
  public void checkSome(Random random, BlockDevice device) throws IOException {
    int offset = random.nextInt(bytes.length);
    int length = random.nextInt(Math.min(bytes.length - offset, 200_000)) + 1;
    byte[] found = read(device, offset, length);
    int at = Arrays.mismatch(found, 0, length, bytes, offset, offset + length);
    assertThat(at).as("first differing byte after " + offset).isEqualTo(-1);
  }

  public static byte[] read(BlockDevice device, long offset, int length) throws IOException {
    ByteBuffer target = ByteBuffer.allocate(length);
    device.read(offset, target);
    assertThat(target.hasRemaining()).isFalse();
    return target.array();
  }

  /** Writes the model as a raw file. */
  public Path save(Path file) throws IOException {
    return Files.write(file, bytes);
  }
}
