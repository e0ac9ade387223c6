package io.satchel.app.machine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.metadata.IIOMetadataNode;
import javax.imageio.stream.ImageInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GifRecordingTest {

  private static final int WIDTH = 8;
  private static final int HEIGHT = 4;
  private static final long SECOND = 1_000_000_000L;

  @TempDir private Path folder;

  private static int[] picture(int colour) {
    int[] pixels = new int[WIDTH * HEIGHT];
    Arrays.fill(pixels, 0xFF000000 | colour);
    return pixels;
  }

  @Test
  void everyPictureIsShownAsLongAsItWas() throws IOException {
    Path file = folder.resolve("screen.gif");
    try (GifRecording recording = new GifRecording(file)) {
      recording.frame(picture(0xFF0000), WIDTH, HEIGHT, 0);
      recording.frame(picture(0xFF0000), WIDTH, HEIGHT, SECOND / 2);
      recording.frame(picture(0x0000FF), WIDTH, HEIGHT, SECOND);
      recording.end(3 * SECOND);
      assertThat(file).as("before it is whole").doesNotExist();
    }
    ImageReader reader = ImageIO.getImageReadersByFormatName("gif").next();
    try (ImageInputStream in = ImageIO.createImageInputStream(file.toFile())) {
      reader.setInput(in);
      assertThat(reader.getNumImages(true)).isEqualTo(2);
      assertThat(reader.read(0).getRGB(3, 2)).isEqualTo(0xFFFF0000);
      assertThat(reader.read(1).getRGB(3, 2)).isEqualTo(0xFF0000FF);
      assertThat(delay(reader, 0)).isEqualTo("100");
      assertThat(delay(reader, 1)).isEqualTo("200");
    } finally {
      reader.dispose();
    }
  }

  private static String delay(ImageReader reader, int frame) throws IOException {
    var metadata = reader.getImageMetadata(frame);
    var root = (IIOMetadataNode) metadata.getAsTree(metadata.getNativeMetadataFormatName());
    var control = (IIOMetadataNode) root.getElementsByTagName("GraphicControlExtension").item(0);
    return control.getAttribute("delayTime");
  }

  @Test
  void oneThatIsNotEndedLeavesNothing() throws IOException {
    Path file = folder.resolve("broken.gif");
    try (GifRecording recording = new GifRecording(file)) {
      recording.frame(picture(0), WIDTH, HEIGHT, 0);
    }
    try (var all = Files.list(folder)) {
      assertThat(all).isEmpty();
    }
  }
}
