// Operands on their way to the lanes: bytes become those of 16 positions and Slots slots of four
// segments.
//
// Weights: the two positions of a code take the same column, and slots their own tokens. Keys and
// values: each position has its own operand, and both halves of the slots the same queries.
module rce_feed #(
  parameter int unsigned Slots = 4,
  localparam int unsigned Queries = Slots / 2,
  localparam int unsigned LinesW = 4 * 16 * Queries * 8,
  localparam int unsigned SumsW = rce_pkg::Groups * Queries * rce_pkg::QuerySumW
) (
  input  logic                clk_i,
  input  logic [1:0]          we_i,           // segments 0 to 3, 4 to 7
  input  logic [4:0]          entry_i,
  input  logic                by_position_i,  // keys, values
  input  logic [LinesW-1:0]   line_i,         // [bus][code][half of slots or position][query]
  input  logic [SumsW-1:0]    query_sum_i,    // [group][query]
  output logic [1:0]          act_we_o,
  output logic [4:0]          act_entry_o,
  output logic [2*LinesW-1:0] act_o,          // [bus][code][position][slot]
  output logic [SumsW-1:0]    query_sum_o
);
  localparam int unsigned HalfW = Queries * 8;
  logic [2*LinesW-1:0] act;
  for (genvar i = 0; i < LinesW / (2 * HalfW); i++) begin : gen_code
    logic [HalfW-1:0] first, second;
    assign {second, first} = line_i[2*HalfW*i +: 2*HalfW];
    assign act[4*HalfW*i +: 4*HalfW] = by_position_i ? {second, second, first, first}
                                                     : {second, first, second, first};
  end
  always_ff @(posedge clk_i) begin
    act_we_o <= we_i;
    act_entry_o <= entry_i;
    act_o <= act;
    query_sum_o <= query_sum_i;
  end
endmodule
