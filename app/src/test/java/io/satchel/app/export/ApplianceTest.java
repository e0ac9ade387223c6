package io.satchel.app.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.satchel.app.demo.BootSectors;
import io.satchel.app.library.DataFolder;
import io.satchel.app.library.Library;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineFile;
import io.satchel.image.Answers;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.Progress;
import io.satchel.image.operation.Cancelled;
import io.satchel.image.operation.Compare;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;

class ApplianceTest {

  @TempDir private Path folder;
  private Path image = Path.of("");
  private Entry entry;
  private Path target = Path.of("");

  @BeforeEach
  void aMachine() throws IOException {
    image = BootSectors.disk(folder.resolve("writer.img"), BootSectors.WRITER);
    Library library = new Library(DataFolder.of(folder));
    entry = library.adopt(MachineFile.named("Anna & Bert's <PC>", 48, "pentium"), image);
    target = folder.resolve("pc.ova");
  }

  /** What a tar file holds, by its members' names, in their order. */
  private static Map<String, byte[]> members(Path tar) throws IOException {
    byte[] all = Files.readAllBytes(tar);
    assertThat(all.length % 512).isZero();
    Map<String, byte[]> members = new LinkedHashMap<>();
    for (int at = 0; all[at] != 0; ) {
      String name = text(all, at, 100);
      int sum = 8 * ' ';
      for (int i = 0; i < 512; i++) {
        sum += i >= 148 && i < 156 ? 0 : all[at + i] & 0xFF;
      }
      assertThat(Integer.parseInt(text(all, at + 148, 6), 8)).as("sum of " + name).isEqualTo(sum);
      int size = Integer.parseInt(text(all, at + 124, 11), 8);
      members.put(name, Arrays.copyOfRange(all, at + 512, at + 512 + size));
      at += 512 + Math.ceilDiv(size, 512) * 512;
    }
    return members;
  }

  private static String text(byte[] bytes, int at, int length) {
    String text = new String(bytes, at, length, StandardCharsets.US_ASCII);
    int end = text.indexOf('\0');
    return end < 0 ? text : text.substring(0, end);
  }

  @Test
  void aWholeComputerBecomesOneFileThatSaysWhatItIs() throws Exception {
    Appliance.write(entry, Answers.none(), target, Progress.NONE);
    Map<String, byte[]> members = members(target);
    assertThat(members.keySet()).containsExactly("computer.ovf", "computer.mf", "disk-1.vmdk");
    String sums = new String(members.get("computer.mf"), StandardCharsets.UTF_8);
    for (String name : new String[] {"computer.ovf", "disk-1.vmdk"}) {
      byte[] sum = MessageDigest.getInstance("SHA-256").digest(members.get(name));
      assertThat(sums).contains("SHA256(" + name + ")= " + HexFormat.of().formatHex(sum));
    }
    DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
    factory.setNamespaceAware(true);
    Document document =
        factory.newDocumentBuilder().parse(new ByteArrayInputStream(members.get("computer.ovf")));
    String envelope = "http://schemas.dmtf.org/ovf/envelope/1";
    assertThat(document.getElementsByTagNameNS(envelope, "Name").item(0).getTextContent())
        .isEqualTo("Anna & Bert's <PC>");
    var disk = (org.w3c.dom.Element) document.getElementsByTagNameNS(envelope, "Disk").item(0);
    assertThat(disk.getAttributeNS(envelope, "capacity")).isEqualTo("" + Files.size(image));
    var file = (org.w3c.dom.Element) document.getElementsByTagNameNS(envelope, "File").item(0);
    assertThat(file.getAttributeNS(envelope, "size"))
        .isEqualTo("" + members.get("disk-1.vmdk").length);
    assertThat(new String(members.get("computer.ovf"), StandardCharsets.UTF_8))
        .contains("48 MB of memory", "ovf:/disk/disk0");
  }

  @Test
  void itsDiskReadsAsTheComputersDoes() throws IOException {
    Appliance.write(entry, Answers.none(), target, Progress.NONE);
    try (OpenedImage written = Images.open(target, OpenOptions.readOnly());
        OpenedImage disk = Library.open(entry, entry.machine().disks().getFirst())) {
      assertThat(Compare.run(written, disk, false, Progress.NONE))
          .isInstanceOf(Compare.Result.Same.class);
      ByteBuffer sector = ByteBuffer.allocate(512);
      written.device().read(0, sector);
      assertThat(sector.array()).isEqualTo(Arrays.copyOf(Files.readAllBytes(image), 512));
    }
  }

  @Test
  void stoppedItLeavesNothing() throws IOException {
    long before = count();
    assertThatThrownBy(() -> Appliance.write(entry, Answers.none(), target, (_, _) -> false))
        .isInstanceOf(Cancelled.class);
    assertThat(count()).isEqualTo(before);
  }

  private long count() throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.count();
    }
  }
}
