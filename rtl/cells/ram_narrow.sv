// RAM in BRAM whose words are written whole and read a part at a time: a selection of parts that
// costs no LUTs. A part comes a cycle after its address; of a word that is being written nobody may
// need one.
//
// A BRAM takes 64 bits and gives 64 / Parts: some bits of each part.
module ram_narrow #(
  parameter int unsigned Width = 32,  // of a part
  parameter int unsigned Parts = 16,  // of a word; a power of two, 2 to 64
  parameter int unsigned Depth = 32,  // words, a power of two
  localparam int unsigned AddrW = $clog2(Depth),
  localparam int unsigned PartW = $clog2(Parts)
) (
  input  logic                   clk_i,
  input  logic                   we_i,
  input  logic [AddrW-1:0]       waddr_i,
  input  logic [Parts*Width-1:0] wdata_i,  // [part]
  input  logic [AddrW-1:0]       raddr_i,
  input  logic [PartW-1:0]       part_i,
  output logic [Width-1:0]       rdata_o
);
  if (Parts < 2 || Parts > 64 || 2 ** PartW != Parts) begin : gen_check_parts
    $error("Parts must be a power of two, 2 to 64");
  end
  localparam int unsigned SliceW = 64 / Parts;
  localparam int unsigned Slices = (Width + SliceW - 1) / SliceW;
  for (genvar s = 0; s < Slices; s++) begin : gen_slice
    localparam int unsigned Low = s * SliceW;
    localparam int unsigned Bits = Width - Low < SliceW ? Width - Low : SliceW;
    (* ram_style = "block" *)
    logic [Bits-1:0] memory [Depth*Parts];
    always_ff @(posedge clk_i) begin
      if (we_i) begin
        for (int unsigned p = 0; p < Parts; p++) begin
          memory[{waddr_i, PartW'(p)}] <= wdata_i[Width*p+Low +: Bits];
        end
      end
    end
    always_ff @(posedge clk_i) rdata_o[Low +: Bits] <= memory[{raddr_i, part_i}];
  end
endmodule
