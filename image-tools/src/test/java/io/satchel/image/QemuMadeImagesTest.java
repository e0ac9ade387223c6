package io.satchel.image;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Images that qemu-img made are read and written here, and read again there. */
class QemuMadeImagesTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "-o compat=0.10",
        "-c",
        "-c -o cluster_size=512",
        "-c -o cluster_size=4k",
        "-c -o cluster_size=2M",
        "-c -o compression_type=zstd",
        "-c -o compression_type=zstd,cluster_size=2M",
        "-c -o extended_l2=on",
        "-o extended_l2=on,cluster_size=128k",
        "-o refcount_bits=1",
        "-o refcount_bits=64,cluster_size=1k",
        "-o lazy_refcounts=on",
        "-o preallocation=metadata",
        "-o preallocation=falloc",
        "-o preallocation=full"
      })
  void areReadAndWritten(String options) throws IOException {
    Random random = new Random(options.hashCode());
    int size = 5 << 20;
    ImageModel model = new ImageModel(size);
    byte[] word = new byte[5000];
    for (int i = 0; i < 400; i++) {
      random.nextBytes(word);
      for (int j = 0; i % 2 == 0 && j < word.length; j++) {
        word[j] &= 7;
      }
      System.arraycopy(word, 0, model.bytes(), random.nextInt(size - word.length), word.length);
    }
    for (int at = size / 2; at < size * 3 / 4; at++) {
      model.bytes()[at] = 0;
    }
    Path raw = model.save(folder.resolve("model.raw"));
    Path file = folder.resolve("disk.qcow2");
    String[] words = options.isEmpty() ? new String[0] : options.split(" ");
    Object[] arguments = new Object[words.length + 7];
    Object[] fixed = {"convert", "-f", "raw", "-O", "qcow2"};
    System.arraycopy(fixed, 0, arguments, 0, 5);
    System.arraycopy(words, 0, arguments, 5, words.length);
    arguments[arguments.length - 2] = raw;
    arguments[arguments.length - 1] = file;
    QemuImg.ok(arguments);
    try (OpenedImage image = Images.open(file, OpenOptions.forWriting())) {
      model.check(image.device());
      for (int step = 0; step < 100; step++) {
        model.change(random, image.device());
        model.checkSome(random, image.device());
      }
      model.check(image.device());
    }
    QemuImg.checkClean(file);
    QemuImg.same(file, model.save(raw));
    Files.delete(file);
  }
}
