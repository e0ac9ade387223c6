package io.satchel.app.export;

import java.io.StringWriter;
import java.util.List;
import javax.xml.stream.XMLOutputFactory;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamWriter;

/**
 * Describes a computer (DMTF DSP0243, "Open Virtualization Format Specification", 1.1.0): what
 * VirtualBox and VMware read when they import an appliance.
 *
 * @param name what the person calls it
 * @param memoryMib RAM in MiB
 * @param disks its hard disks
 */
record OvfDescriptor(String name, int memoryMib, List<Disk> disks) {

  /**
   * A hard disk.
   *
   * @param file its file's name in the appliance
   * @param fileBytes that file's size
   * @param bytes the disk's size
   * @param unit 0 to 3, as IDE counts
   */
  record Disk(String file, long fileBytes, long bytes, int unit) {}

  private static final String ENVELOPE = "http://schemas.dmtf.org/ovf/envelope/1";
  private static final String SETTINGS =
      "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData";
  private static final String SYSTEM =
      "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData";
  private static final String STREAM =
      "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized";

  // CIM_ResourceAllocationSettingData.ResourceType
  private static final int PROCESSOR = 3;
  private static final int MEMORY = 4;
  private static final int IDE = 5;
  private static final int CD = 15;
  private static final int HARD_DISK = 17;

  private static final int CD_UNIT = 2;

  OvfDescriptor {
    disks = List.copyOf(disks);
  }

  /** The file's text. */
  String text() {
    StringWriter text = new StringWriter();
    try {
      XMLStreamWriter xml = XMLOutputFactory.newDefaultFactory().createXMLStreamWriter(text);
      xml.writeStartDocument("UTF-8", "1.0");
      new Writer(xml).envelope(this);
      xml.writeEndDocument();
      xml.close();
    } catch (XMLStreamException e) {
      throw new IllegalStateException(e);
    }
    return text + "\n";
  }

  /** Writes elements, each on a line of its own. */
  private static final class Writer {
    private final XMLStreamWriter xml;
    private int depth;
    private int item;

    Writer(XMLStreamWriter xml) {
      this.xml = xml;
    }

    /** An element with attributes by name and value; their prefix is ovf. */
    private void start(String name, String... attributes) throws XMLStreamException {
      line();
      xml.writeStartElement(name);
      for (int i = 0; i < attributes.length; i += 2) {
        xml.writeAttribute("ovf:" + attributes[i], attributes[i + 1]);
      }
      depth++;
    }

    private void line() throws XMLStreamException {
      xml.writeCharacters("\n" + "  ".repeat(depth));
    }

    private void end() throws XMLStreamException {
      depth--;
      line();
      xml.writeEndElement();
    }

    private void leaf(String name, Object value) throws XMLStreamException {
      line();
      xml.writeStartElement(name);
      xml.writeCharacters(String.valueOf(value));
      xml.writeEndElement();
    }

    void envelope(OvfDescriptor it) throws XMLStreamException {
      start("Envelope", "version", "1.0");
      xml.writeAttribute("xmlns", ENVELOPE);
      xml.writeAttribute("xmlns:ovf", ENVELOPE);
      xml.writeAttribute("xmlns:rasd", SETTINGS);
      xml.writeAttribute("xmlns:vssd", SYSTEM);
      start("References");
      for (int i = 0; i < it.disks.size(); i++) {
        Disk disk = it.disks.get(i);
        start("File", "id", "file" + i, "href", disk.file, "size", "" + disk.fileBytes);
        end();
      }
      end();
      start("DiskSection");
      leaf("Info", "The hard disks");
      for (int i = 0; i < it.disks.size(); i++) {
        start(
            "Disk",
            "diskId",
            "disk" + i,
            "fileRef",
            "file" + i,
            "capacity",
            "" + it.disks.get(i).bytes,
            "format",
            STREAM);
        end();
      }
      end();
      start("VirtualSystem", "id", "computer");
      leaf("Info", "A computer that was exported from Satchel");
      leaf("Name", it.name);
      start("OperatingSystemSection", "id", "1");
      leaf("Info", "The system on it");
      end();
      hardware(it);
      end();
      end();
    }

    private void hardware(OvfDescriptor it) throws XMLStreamException {
      start("VirtualHardwareSection");
      leaf("Info", "Its hardware");
      start("System");
      leaf("vssd:ElementName", "Virtual Hardware Family");
      leaf("vssd:InstanceID", 0);
      leaf("vssd:VirtualSystemIdentifier", it.name);
      leaf("vssd:VirtualSystemType", "vmx-07");
      end();
      item("hertz * 10^6", "1 processor", PROCESSOR, 1);
      item("byte * 2^20", it.memoryMib + " MB of memory", MEMORY, it.memoryMib);
      int primary = controller(0);
      int secondary = controller(1);
      for (int i = 0; i < it.disks.size(); i++) {
        int unit = it.disks.get(i).unit;
        drive(
            "Hard disk " + (i + 1),
            HARD_DISK,
            unit < 2 ? primary : secondary,
            unit % 2,
            "ovf:/disk/disk" + i);
      }
      drive("CD drive", CD, secondary, CD_UNIT % 2, null);
      end();
    }

    private void item(String unit, String name, int type, int quantity) throws XMLStreamException {
      start("Item");
      leaf("rasd:AllocationUnits", unit);
      leaf("rasd:ElementName", name);
      leaf("rasd:InstanceID", ++item);
      leaf("rasd:ResourceType", type);
      leaf("rasd:VirtualQuantity", quantity);
      end();
    }

    private int controller(int channel) throws XMLStreamException {
      start("Item");
      leaf("rasd:Address", channel);
      leaf("rasd:ElementName", "IDE " + channel);
      leaf("rasd:InstanceID", ++item);
      leaf("rasd:ResourceSubType", "PIIX4");
      leaf("rasd:ResourceType", IDE);
      end();
      return item;
    }

    private void drive(
        String name,
        int type,
        int parent,
        int address,
        @org.jspecify.annotations.Nullable String resource)
        throws XMLStreamException {
      start("Item");
      leaf("rasd:AddressOnParent", address);
      leaf("rasd:ElementName", name);
      if (resource != null) {
        leaf("rasd:HostResource", resource);
      }
      leaf("rasd:InstanceID", ++item);
      leaf("rasd:Parent", parent);
      leaf("rasd:ResourceType", type);
      end();
    }
  }
}
