// Sums of the 8 rows of a tile for all slots, twice: one set is summed while the other is read.
//
// A set has two halves: weights of two digits take two slots for a token, and the tokens that are
// left use the slots again, with upper_i.
module rce_accumulate #(
  parameter int unsigned Slots = 4,
  localparam int unsigned ResultW = rce_pkg::ResultW,
  localparam int unsigned SlotW = $clog2(Slots)
) (
  input  logic                     clk_i,
  input  logic                     clear_i,
  // A term of a row of each slot.
  input  logic                     valid_i,
  input  logic [2:0]               row_i,
  input  logic                     upper_i,
  input  logic                     start_i,  // the row's first
  input  logic                     last_i,   // the tile's last: sets change roles
  input  logic [Slots*ResultW-1:0] term_i,   // [slot]
  output logic                     set_o,    // that is summed
  // Reads a sum.
  input  logic                     set_i,
  input  logic                     read_upper_i,
  input  logic [2:0]               read_row_i,
  input  logic [SlotW-1:0]         read_slot_i,
  output logic [ResultW-1:0]       sum_o     // a cycle later
);
  logic [Slots*ResultW-1:0] old, sum;
  always_ff @(posedge clk_i) begin
    if (clear_i) set_o <= 1'b0;
    else if (valid_i && last_i) set_o <= !set_o;
  end

  for (genvar t = 0; t < Slots; t++) begin : gen_slot
    assign sum[ResultW*t +: ResultW] = (start_i ? '0 : old[ResultW*t +: ResultW])
                                       + term_i[ResultW*t +: ResultW];
  end
  // A sum is wanted back at once; what reads it for good has a cycle, and takes a slot at a time.
  lut_ram #(.Ports(Slots), .Width(ResultW)) u_sums (
    .clk_i, .we_i(valid_i), .waddr_i({upper_i, set_o, row_i}), .wdata_i(sum),
    .raddr_i({Slots{upper_i, set_o, row_i}}), .rdata_o(old)
  );
  ram_narrow #(.Width(ResultW), .Parts(Slots), .Depth(32)) u_ready (
    .clk_i, .we_i(valid_i), .waddr_i({upper_i, set_o, row_i}), .wdata_i(sum),
    .raddr_i({read_upper_i, set_i, read_row_i}), .part_i(read_slot_i), .rdata_o(sum_o)
  );
endmodule
